"""Everything that the lab and the program run, pinned, built and put into images."""
