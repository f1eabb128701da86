"""What the author of a service derives from."""
