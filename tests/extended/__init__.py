"""What a config can say beside the weights, and what a stack can meet: each on a cluster, by itself."""
