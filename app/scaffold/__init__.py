"""Writes a new handler into this project: `make new-handler NAME=weather-feed`.

It reads and writes the project's files as text, and imports nothing of the service: it also works
while that does not start.
"""
