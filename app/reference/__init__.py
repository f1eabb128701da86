"""What users look up: the JSON Schema of the config, and a page for each of the two configs."""
