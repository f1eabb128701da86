"""The config service: serves the values of dynamic configs to other services."""
