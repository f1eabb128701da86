import asyncio
from dataclasses import dataclass, field

from app.server.request_intake import SLICE, SLICES_PER_SHARE, RequestIntake
from app.server.turns import Turns
from tests.helpers.recording_transport import RecordingTransport

SHARE = SLICE * SLICES_PER_SHARE


@dataclass
class Parser:
    """Writes down what it is fed, and says when it has enough."""

    fed: list[bytes] = field(default_factory=list)
    must_wait: bool = False

    def parse(self, data: memoryview) -> None:
        self.fed.append(bytes(data))

    @property
    def size(self) -> int:
        return sum(map(len, self.fed))


class Connection:
    """An intake between a transport and a parser."""

    def __init__(self) -> None:
        self.parser = Parser()
        self.transport = RecordingTransport()
        self.intake = RequestIntake(
            self.transport, Turns(), self.parser.parse, lambda: self.parser.must_wait
        )


async def turn() -> None:
    await asyncio.sleep(0)


async def test_what_is_small_is_parsed_at_once_and_whole() -> None:
    connection = Connection()
    connection.intake.take(b"x" * SLICE)

    assert connection.parser.fed == [b"x" * SLICE]
    assert connection.transport.reading


async def test_what_is_large_is_parsed_in_shares_and_nothing_more_is_read_meanwhile() -> None:
    connection = Connection()
    data = bytes(range(256)) * (2 * SHARE // 256) + b"end"
    connection.intake.take(data)
    assert (connection.parser.size, connection.transport.reading) == (SHARE, False)
    await turn()
    assert (connection.parser.size, connection.transport.reading) == (2 * SHARE, False)
    await turn()

    assert b"".join(connection.parser.fed) == data
    assert connection.transport.reading


async def test_nothing_is_parsed_while_requests_wait_for_answers() -> None:
    connection = Connection()
    connection.parser.must_wait = True
    connection.intake.take(b"one")
    connection.intake.take(b"two")
    await turn()
    assert (connection.parser.fed, connection.transport.reading) == ([], False)

    connection.intake.resume_reading()
    await turn()
    assert (connection.parser.fed, connection.transport.reading) == ([], False)

    connection.parser.must_wait = False
    connection.intake.resume_reading()
    await turn()
    assert (connection.parser.fed, connection.transport.reading) == ([b"onetwo"], True)


async def test_nothing_is_parsed_while_uvicorn_has_paused_reading() -> None:
    connection = Connection()
    connection.intake.pause_reading()
    connection.intake.take(b"x")
    await turn()
    assert (connection.parser.fed, connection.transport.reading) == ([], False)

    connection.intake.resume_reading()
    await turn()
    assert (connection.parser.fed, connection.transport.reading) == ([b"x"], True)


async def test_pause_while_a_turn_is_waited_for_is_kept() -> None:
    connection = Connection()
    connection.intake.take(b"x" * (SHARE + 1))
    connection.intake.pause_reading()
    await turn()

    assert connection.parser.size == SHARE
    connection.intake.resume_reading()
    await turn()
    assert connection.parser.size == SHARE + 1


async def test_several_resumes_are_one_turn() -> None:
    connection = Connection()
    connection.intake.take(b"x" * (SHARE * 2 + 1))
    for _ in range(3):
        connection.intake.resume_reading()
    await turn()

    assert connection.parser.size == SHARE * 2


async def test_one_that_was_stopped_returns_the_rest_and_leaves_the_transport_alone() -> None:
    connection = Connection()
    rest: list[bytes] = []

    def stop_at_once(data: memoryview) -> None:
        rest.append(connection.intake.stop())

    connection.intake = RequestIntake(
        connection.transport, Turns(), stop_at_once, lambda: connection.parser.must_wait
    )
    connection.transport.pause_reading()  # as who takes the connection over does
    connection.intake.take(b"x" * SLICE + b"rest")
    await turn()

    assert rest == [b"rest"]
    assert not connection.transport.reading
