"""A WebSocket service on Starlette and Uvicorn, and the small kit it is made of."""
