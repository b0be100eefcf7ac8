"""The product: Pulumi components, what they stand on, and the commands."""
