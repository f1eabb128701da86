"""What ASGI servers do each in their own way, and ASGI leaves open."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from starlette.types import Message as ASGIEvent
from starlette.types import Receive, Scope, Send
from websockets.frames import CloseCode

from app.websocket.close import CloseCause, CloseRecord
from app.websocket.headers import Headers

REFUSAL_TIMEOUT: Final = 1.0
"""Seconds in which a client that was refused should have gone, where that matters."""


@dataclass(frozen=True, slots=True)
class AsgiServer:
    """One that is known, or any other.

    Args:
        wait_is_safe: A wait for an event may be cancelled: the event stays with the server. Not so
            with Granian, which also sends no close frame while somebody waits for an event.
        loss_has_no_reason: A connection that is lost is told of with code 1005 and no reason. A
            close frame always comes with one, so that the two can be told apart.
        refusal_ends_late: A refusal that is complete is logged as none, as an error, unless the
            application stays until its connection has gone (Uvicorn's issue 3138).
    """

    wait_is_safe: bool = False
    loss_has_no_reason: bool = False
    refusal_ends_late: bool = False

    async def see_refused(self, receive: Receive) -> None:
        """Stay until the server agrees that the opening handshake has been refused."""
        if self.refusal_ends_late:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFUSAL_TIMEOUT):
                    await receive()  # tells that the answer is complete
                    await receive()  # tells that the connection has gone

    def end(self, event: ASGIEvent) -> CloseRecord:
        """Return how the connection ended of whose end this event tells."""
        # Some servers leave the code out where there was none.
        code = int(event.get("code") or CloseCode.NO_STATUS_RCVD)
        if self.loss_has_no_reason and "reason" not in event and code == CloseCode.NO_STATUS_RCVD:
            code = int(CloseCode.ABNORMAL_CLOSURE)
        cause = _CAUSES.get(code, CloseCause.CLIENT_CLOSE)
        return CloseRecord(cause, code, event.get("reason") or "")


# Codes of an end that was, most probably, not the client's doing. ASGI does not say which close
# frame is a server's own.
_CAUSES: Final[dict[int, CloseCause]] = {
    CloseCode.PROTOCOL_ERROR: CloseCause.PROTOCOL_ERROR,
    CloseCode.ABNORMAL_CLOSURE: CloseCause.CONNECTION_LOST,
    CloseCode.INVALID_DATA: CloseCause.INVALID_UTF8,
    CloseCode.MESSAGE_TOO_BIG: CloseCause.TOO_BIG,
    CloseCode.SERVICE_RESTART: CloseCause.SHUTDOWN,
}

# By the module of the function that gives events.
_KNOWN: Final = {
    "uvicorn.protocols.websockets.websockets_impl": AsgiServer(wait_is_safe=True),
    "uvicorn.protocols.websockets.websockets_sansio_impl": AsgiServer(
        wait_is_safe=True, loss_has_no_reason=True, refusal_ends_late=True
    ),
    "uvicorn.protocols.websockets.wsproto_impl": AsgiServer(
        wait_is_safe=True, loss_has_no_reason=True
    ),
    # Hypercorn's are those of a queue.
    "asyncio.queues": AsgiServer(wait_is_safe=True),
}

_ANY_OTHER: Final = AsgiServer()


def server_of(receive: Receive) -> AsgiServer:
    """Return the server whose events `receive` gives; what a middleware wraps is any other."""
    return _KNOWN.get(getattr(receive, "__module__", None) or "", _ANY_OTHER)


async def send_refusal(
    scope: Scope, send: Send, status: int, headers: Headers, body: bytes
) -> None:
    """Refuse an opening handshake as far as the server can: without its extension it says 403."""
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close", "code": 1000, "reason": ""})
