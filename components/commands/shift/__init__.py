"""Moves traffic to a version by steps, judged by that version's real traffic."""
