"""The WebSocket connection: knows no server and no handler."""
