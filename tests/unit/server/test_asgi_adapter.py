import pytest

from app.server.asgi_adapter import AsgiAdapter, PeerGoneError
from app.websocket.close import ClosedBy
from app.websocket.limits import Limits
from tests.helpers.recording_channel import RecordingChannel

LIMITS = Limits(max_remote_payload=7, fragment_size=0)
ACCEPT = {"type": "websocket.accept"}


def make(*messages: str | bytes) -> tuple[AsgiAdapter, RecordingChannel]:
    channel = RecordingChannel(*messages)
    return AsgiAdapter(channel, LIMITS), channel


async def test_first_event_is_the_connect_and_then_come_messages_and_the_end() -> None:
    adapter, channel = make("text", b"binary")
    channel.give_end(ClosedBy.CLIENT, 4001, "bye")

    assert [await adapter.receive() for _ in range(4)] == [
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "text"},
        {"type": "websocket.receive", "bytes": b"binary"},
        {"type": "websocket.disconnect", "code": 4001, "reason": "bye"},
    ]


async def test_accept_takes_subprotocol_headers_and_limits() -> None:
    adapter, channel = make()
    await adapter.send({**ACCEPT, "subprotocol": "a", "headers": [(b"x", b"y")]})

    assert channel.accepted == [("a", [(b"x", b"y")])]
    assert channel.limits == LIMITS


async def test_messages_and_close_after_accept() -> None:
    adapter, channel = make()
    await adapter.send(ACCEPT)
    await adapter.send({"type": "websocket.send", "text": "text"})
    await adapter.send({"type": "websocket.send", "bytes": b"binary", "text": None})
    await adapter.send({"type": "websocket.close", "code": 4000, "reason": "done"})

    assert channel.sent == ["text", b"binary"]
    assert channel.closes == [(4000, "done")]


async def test_close_before_accept_refuses_with_403() -> None:
    adapter, channel = make()
    await adapter.send({"type": "websocket.close"})

    assert channel.refused == [(403, [], b"")]


async def test_denial_response_is_sent_when_it_is_whole() -> None:
    adapter, channel = make()
    body = "websocket.http.response.body"
    await adapter.send(
        {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x", b"y")]}
    )
    await adapter.send({"type": body, "body": b"say ", "more_body": True})
    assert channel.refused == []
    await adapter.send({"type": body, "body": b"please"})

    assert channel.refused == [(401, [(b"x", b"y")], b"say please")]


@pytest.mark.parametrize(
    ("before", "event"),
    [
        ([], {"type": "websocket.send", "text": "early"}),
        ([ACCEPT], ACCEPT),
        ([ACCEPT], {"type": "websocket.http.response.start", "status": 401}),
        ([], {"type": "http.response.start"}),
    ],
)
async def test_event_at_the_wrong_time_is_refused(
    before: list[dict[str, str]], event: dict[str, object]
) -> None:
    adapter, channel = make()
    for earlier in before:
        await adapter.send(earlier)

    with pytest.raises(RuntimeError, match=r"expected websocket\.\S+ or .*, got "):
        await adapter.send(event)
    assert (channel.sent, channel.refused, len(channel.accepted)) == ([], [], len(before))


async def test_sending_after_the_end_is_an_oserror_of_its_own() -> None:
    adapter, channel = make()
    await adapter.send(ACCEPT)
    await channel.close(1000, "")

    with pytest.raises(PeerGoneError):
        await adapter.send({"type": "websocket.send", "text": "late"})
