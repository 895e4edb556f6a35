"""Guests: other libraries that use the engine, each in a module that is imported by name."""
