"""The chat service with WebSocket routes of somebody who knows only Starlette."""

from starlette.responses import JSONResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.main import COMPONENTS
from app.service import Service


async def echo(websocket: WebSocket) -> None:
    await websocket.accept(headers=[(b"x-plain", b"yes")])
    try:
        while True:
            message = await websocket.receive_text()
            if message == "close":
                await websocket.close(4002, "as you wish")
                return
            if message == "raise":
                raise RuntimeError("the plain route has failed")
            await websocket.send_text(message)
    except WebSocketDisconnect as end:
        print(f"disconnected with {end.code} {end.reason}")  # noqa: T201 (a test reads it)


async def close_before_accept(websocket: WebSocket) -> None:
    await websocket.close()


async def deny(websocket: WebSocket) -> None:
    await websocket.send_denial_response(JSONResponse({"say": "please"}, status_code=401))


async def neither(websocket: WebSocket) -> None:
    pass


app = Service(COMPONENTS)
app.router.routes += [
    WebSocketRoute("/plain/echo", echo),
    WebSocketRoute("/plain/close", close_before_accept),
    WebSocketRoute("/plain/deny", deny),
    WebSocketRoute("/plain/neither", neither),
]
