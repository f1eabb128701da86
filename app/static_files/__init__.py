"""Files that are served from memory."""
