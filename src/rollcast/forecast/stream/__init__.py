"""Forecasts row by row: streams, their stamps, their state as bytes."""
