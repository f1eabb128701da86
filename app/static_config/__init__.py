"""The static config: YAML that is read once, before anything starts, into pydantic models."""
