"""The sample service: a chat that echoes. Delete this package to start your own."""
