"""The other commands, what a config can say beside the weights, and what a stack can meet: each by itself."""
