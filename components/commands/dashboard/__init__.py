"""A page on which a browser shows what is true of a stack now: it reads, and changes nothing."""
