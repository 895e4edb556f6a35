"""How good a forecast is, and what it must beat."""
