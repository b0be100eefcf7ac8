"""The stack config: what it may say, and its only reader."""
