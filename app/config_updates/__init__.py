"""Where values of the dynamic config come from."""
