"""The commands that people live with, on Pulumi's own CLI."""
