import asyncio

from app.server.send_buffer import BYTES_PER_TURN, FLUSH_BYTES, SendBuffer
from app.websocket.limits import Limits
from tests.helpers.recording_transport import RecordingTransport

TIMEOUT = 5.0


def make(high: int = 100) -> tuple[SendBuffer, RecordingTransport]:
    transport = RecordingTransport()
    out = SendBuffer(transport, asyncio.get_running_loop())
    out.set_limits(Limits(send_buffer_high=high, send_buffer_low=high // 4))
    return out, transport


async def test_transport_has_the_limits_and_those_that_come() -> None:
    out, transport = make(100)
    assert transport.write_limits == (25, 100)

    out.set_limits(Limits(send_buffer_high=7, send_buffer_low=3))
    assert transport.write_limits == (3, 7)


async def test_transport_that_closes_is_left_alone() -> None:
    out, transport = make(100)
    transport.close()

    out.set_limits(Limits(send_buffer_high=7, send_buffer_low=3))
    assert transport.write_limits == (25, 100)


async def turn() -> None:
    """Let the event loop do what it has been asked to do."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_all_that_is_written_in_one_turn_leaves_in_one_write_and_in_order() -> None:
    out, transport = make()
    for data in (b"one ", b"two ", b"three"):
        assert not out.write(data)
    assert transport.writes == []

    await turn()
    assert transport.writes == [b"one two three"]


async def test_turns_are_written_one_by_one() -> None:
    out, transport = make()
    out.write(b"one")
    await turn()
    out.write(b"two")
    await turn()

    assert transport.writes == [b"one", b"two"]


async def test_much_is_written_before_the_turn_ends() -> None:
    out, transport = make()
    out.write(b"a" * (FLUSH_BYTES - 1))
    assert transport.writes == []

    out.write(b"bc")
    assert transport.writes == [b"a" * (FLUSH_BYTES - 1) + b"bc"]
    await turn()
    assert len(transport.writes) == 1


async def test_flush_writes_at_once_what_there_is() -> None:
    out, transport = make()
    out.flush()
    assert transport.writes == []

    out.write(b"one")
    out.flush()
    assert transport.writes == [b"one"]


async def test_nothing_is_written_to_a_transport_that_closes() -> None:
    out, transport = make()
    out.write(b"one")
    transport.close()
    await turn()

    assert transport.writes == []


async def test_transport_is_told_how_much_may_wait() -> None:
    transport = RecordingTransport()
    out = SendBuffer(transport, asyncio.get_running_loop())

    out.set_limits(Limits(send_buffer_high=1000, send_buffer_low=10))
    assert transport.write_limits == (10, 1000)


async def test_low_limit_may_be_nothing() -> None:
    transport = RecordingTransport()
    out = SendBuffer(transport, asyncio.get_running_loop())
    out.set_limits(Limits(send_buffer_high=1, send_buffer_low=0))

    assert transport.write_limits == (0, 1)


# Waiting


async def test_sender_is_to_wait_while_the_transport_has_more_than_it_wants() -> None:
    out, _ = make()
    assert not out.write(b"x")
    assert not out.paused

    out.pause()
    assert out.paused
    assert out.write(b"x")

    out.resume()
    assert not out.paused
    assert not out.write(b"x")


async def test_all_who_wait_go_on_when_the_transport_wants_more() -> None:
    out, _ = make()
    out.pause()
    waiting = [asyncio.ensure_future(out.wait()) for _ in range(3)]
    await turn()
    assert not any(each.done() for each in waiting)

    out.resume()
    await asyncio.wait_for(asyncio.gather(*waiting), TIMEOUT)


async def test_all_who_wait_are_released_although_the_transport_wants_no_more() -> None:
    out, _ = make()
    out.pause()
    waiting = [asyncio.ensure_future(out.wait()) for _ in range(3)]
    await turn()

    out.release()
    await asyncio.wait_for(asyncio.gather(*waiting), TIMEOUT)
    assert out.paused


async def test_release_of_nobody_is_harmless() -> None:
    out, _ = make()
    out.release()

    assert not out.paused


async def test_who_waits_again_after_a_pause_waits_for_the_next_end_of_one() -> None:
    out, _ = make()
    out.pause()
    out.resume()
    out.pause()
    waiting = asyncio.ensure_future(out.wait())
    await turn()
    assert not waiting.done()

    out.resume()
    await asyncio.wait_for(waiting, TIMEOUT)


async def test_sender_of_much_is_to_give_others_a_turn() -> None:
    out, _ = make()
    written = 0
    while not out.write(b"x" * FLUSH_BYTES):
        written += FLUSH_BYTES
        assert written <= BYTES_PER_TURN

    await asyncio.wait_for(out.wait(), TIMEOUT)
    assert not out.write(b"x")


async def test_what_is_charged_counts_as_if_it_had_been_sent() -> None:
    out, transport = make()
    out.charge(BYTES_PER_TURN)
    assert not out.write(b"x")
    out.charge(1)
    assert out.write(b"x")

    await asyncio.wait_for(out.wait(), TIMEOUT)
    assert not out.write(b"x"), "that was another turn"
    await turn()
    assert transport.written == b"xxx"
