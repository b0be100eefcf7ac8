"""The Kubernetes API server: how it is reached, and the few questions to it."""
