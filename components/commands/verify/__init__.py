"""Tells whether a stack is what its config says, and what is not: cause first, with what to type."""
