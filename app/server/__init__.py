"""Listeners, worker processes and routing: the only package that touches Uvicorn."""
