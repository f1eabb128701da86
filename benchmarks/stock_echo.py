"""What one writes with Starlette alone: an echo at /chat and a page at /, for `fairness.py`."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while (message := await websocket.receive())["type"] == "websocket.receive":
        if (text := message.get("text")) is not None:
            await websocket.send_text(text)
        else:
            await websocket.send_bytes(message["bytes"])


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse("<!doctype html><title>Chat</title>")


app = Starlette(routes=[Route("/", page), WebSocketRoute("/chat", echo)])
