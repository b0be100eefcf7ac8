"""The commands that people live with: one file or folder each."""
