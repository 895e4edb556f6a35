"""Fitted forecasters in model files, part by part."""
