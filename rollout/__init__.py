"""Another name for the command `blue-green`: `python -m rollout`."""
