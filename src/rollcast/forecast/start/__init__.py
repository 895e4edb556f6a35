"""First weights: linear forecasts that are already good, before any training."""
