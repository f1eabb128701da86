"""The dynamic config: typed variables whose values may change while the service runs. Pure."""
