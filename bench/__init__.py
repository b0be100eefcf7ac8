"""Figures, measured side by side in one run; they inform, and fail on nothing."""
