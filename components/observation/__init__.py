"""What is seen of a running stack: cluster, gateways, traffic and answers."""
