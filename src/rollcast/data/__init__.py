"""Tables, time and windows: everything before the network sees a number."""
