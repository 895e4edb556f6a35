"""Sequence networks: an output at every row, or a series that continues itself."""
