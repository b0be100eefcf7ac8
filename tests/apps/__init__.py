"""Apps that nobody here wrote, behind the split."""
