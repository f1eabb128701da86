"""What comes in on a connection: read in shares, and only while it can be dealt with."""

import asyncio
import enum
from typing import Final

from app.server.peer_end import RATE_EXCEEDED, STREAM_END, EndSink
from app.server.receive_queue import ReceiveQueue
from app.server.send_buffer import SendBuffer
from app.server.turns import FRAMES_PER_SHARE, SMALL, Turns
from app.server.waiter import Waiter
from app.websocket.deflate import Inflater
from app.websocket.frames import Close, Opcode, Ping, Pong, encode_control
from app.websocket.limits import Limits
from app.websocket.messages import MessageReader, Violation
from app.websocket.rates import SHORTEST_HOLD, InboundRates
from app.websocket.traffic import payload_size

_MESSAGE: Final = (str, bytes)
_CONTROL: Final = (Ping, Pong)


class Mode(enum.Enum):
    """What becomes of the bytes that come."""

    WAIT = enum.auto()  # they are not read yet
    DELIVER = enum.auto()  # messages go to the receive queue
    DISCARD = enum.auto()  # only the peer's end is of interest


_DELIVER: Final = Mode.DELIVER  # asked for at each read: looked up once


class Intake:
    """Reads a connection's transport: pauses it while the handler or the peer does not keep up.

    Nothing is read before `start`.

    Args:
        transport: What is paused and resumed.
        queue: Where messages go.
        waiter: Who waits for them.
        out: Where pongs go; while it is paused nothing is read, or they would pile up.
        turns: Where we wait if there is more than one share.
        sink: Who is told of the end.
        early: Bytes that have come already.
    """

    __slots__ = (
        "_early",
        "_finished",
        "_held",
        "_loop",
        "_mode",
        "_must_count",
        "_near_limit",
        "_out",
        "_queue",
        "_rates",
        "_reader",
        "_sink",
        "_taken_back",
        "_transport",
        "_turns",
        "_waiter",
        "_waits",
        "heard",
        "paused",
    )

    __deletable__ = ("_sink",)  # mypyc wants to know of it

    def __init__(
        self,
        transport: asyncio.Transport,
        queue: ReceiveQueue,
        waiter: Waiter,
        out: SendBuffer,
        turns: Turns,
        sink: EndSink,
        early: bytes,
    ) -> None:
        self._transport = transport
        self._queue = queue
        self._waiter = waiter
        self._out = out
        self._turns = turns
        self._sink = sink
        self._early = early
        self._loop = asyncio.get_running_loop()
        self._mode = Mode.WAIT
        # Whether the stream has ended.
        self._finished = False
        # Set with the handler's limits when the handshake is accepted.
        self._reader = MessageReader(0)
        self._rates: InboundRates
        # Whether messages or bytes have a rate, and whether it has to be asked how much may be
        # read: for all others, which are most, that would cost too much at each read.
        self._must_count = False
        self._near_limit = False
        # Bytes of a message that was one too many.
        self._taken_back = 0

        # So that `early` does not grow.
        transport.pause_reading()
        self.paused = True
        # Set whenever something has come, or could not have come: for the keepalive.
        self.heard = False
        # Whether we wait for a turn; and for the time when a client that is too fast is read again.
        self._waits = False
        self._held: asyncio.TimerHandle | None = None

    @property
    def bytes_received(self) -> int:
        """The payload of all whole messages so far."""
        return self._reader.payload_bytes - self._taken_back

    def start(self, limits: Limits, inflater: Inflater | None = None) -> None:
        """Deliver messages from now on; `inflater` is there if compression was agreed on."""
        self._reader = MessageReader(limits.max_remote_payload, limits.max_fragments, inflater)
        self._rates = InboundRates(limits, self._loop.time())
        self._count_by(limits)
        self._mode = _DELIVER
        early, self._early = self._early, b""
        if early:
            self.feed(early)
        else:
            self.go_on()

    def set_limits(self, limits: Limits) -> None:
        """Hold what is read from now on to other limits; not before `start`."""
        self._reader.max_payload = limits.max_remote_payload
        self._reader.max_fragments = limits.max_fragments
        self._rates.set_limits(limits, self._loop.time())
        self._count_by(limits)
        if self._held is not None:
            # A client that was too fast may not be so any more; or has to wait for longer.
            self._let_go()
            self._wait_for_turn()

    def wait(self) -> None:
        """Read nothing for now: an end is to be answered first."""
        self._mode = Mode.WAIT

    def discard(self) -> None:
        """Read on, but only for the peer's end."""
        self._mode = Mode.DISCARD
        self._let_go()
        if self._reader.ended:
            self.go_on()
        else:
            self.read()

    def feed(self, data: bytes) -> None:
        """Take what has come."""
        self.heard = True
        # The straight line: one short message, and nothing that it would have to wait for.
        if (
            len(data) <= SMALL
            and self._mode is _DELIVER
            and not (self._near_limit or self.paused)
            and (message := self._reader.read_whole(data)) is not None
        ):
            self._queue.put(message)
            self._waiter.wake_now()
            # Done, but for a handler that did not take it, or a peer that does not read.
            if self._queue.messages or self._out.paused:
                self.go_on()
            return
        self._reader.feed(data)
        if self._must_count:
            self._rates.take_bytes(len(data), self._loop.time())
        if self._turns.may_read(len(data)):
            self.read()
        else:
            self._pause()
            self._wait_for_turn()

    def read(self) -> None:
        """Read what has come, but not more than one share of it."""
        if self._mode is Mode.WAIT:
            return
        frames = FRAMES_PER_SHARE
        if self._near_limit and self._mode is _DELIVER:
            frames = self._rates.frames_now(self._loop.time(), FRAMES_PER_SHARE)
        if frames:
            self._read_frames(frames)
        else:
            self._hold()
        self.go_on()
        if self._queue.messages:
            self._waiter.wake_now()

    def finish(self) -> None:
        """Nothing comes any more: that is the end of the stream, once all that came is read."""
        self._finished = True
        self.paused = True  # and there is nothing to resume
        self.go_on()

    def go_on(self) -> None:
        """Read on, now or in a turn to come, unless the handler or the peer does not keep up."""
        if self._must_wait():
            self._pause()
        elif self._reader.has_more:
            self._pause()
            self._wait_for_turn()
        elif self._finished:
            if self._mode is _DELIVER:
                self._sink.meet_end(STREAM_END)
            elif self._mode is Mode.DISCARD:
                self._sink.peer_is_done(STREAM_END)
        elif self.paused and not self._transport.is_closing():
            self.paused = False
            self.heard = True  # until now nothing could be
            self._transport.resume_reading()

    def stop(self) -> None:
        """Nothing comes any more."""
        self._mode = Mode.WAIT
        self._let_go()
        del self._sink  # it holds us

    def _must_wait(self) -> bool:
        if self._waits or self._held is not None:
            return True
        if self._mode is not _DELIVER:
            # After the peer's own end nothing is read, but the end of the stream is to be seen.
            return self._mode is Mode.WAIT and not self._reader.ended
        if self._finished:
            return self._queue.full and self._reader.has_more
        return self._out.paused or self._queue.full

    def _pause(self) -> None:
        if not self.paused:
            self.paused = True
            self._transport.pause_reading()

    def _wait_for_turn(self) -> None:
        if not self._waits:
            self._waits = True
            self._turns.wait(self._take_turn)

    def _take_turn(self) -> None:
        self._waits = False
        self.read()

    def _hold(self) -> None:
        """Read on when a client that is too fast may go on."""
        if self._held is None:
            seconds = max(self._rates.seconds_to_wait(self._loop.time()), SHORTEST_HOLD)
            self._held = self._loop.call_later(seconds, self._release)

    def _release(self) -> None:
        self._held = None
        self.read()

    def _let_go(self) -> None:
        if self._held is not None:
            self._held.cancel()
            self._held = None

    def _read_frames(self, count: int) -> None:
        items = self._reader.read(count)
        if self._mode is _DELIVER:
            before = self._queue.received
            controls = 0
            for item in items:
                if isinstance(item, _MESSAGE):
                    self._queue.put(item)
                elif isinstance(item, _CONTROL):
                    controls += 1
                    if isinstance(item, Ping):
                        self._out.write(encode_control(Opcode.PONG, item.payload))
                else:
                    self._sink.meet_end(item)
            if controls or self._near_limit:
                self._count(controls, self._queue.received - before)
        elif items and isinstance(items[-1], Close | Violation):
            self._sink.peer_is_done(items[-1])

    def _count(self, controls: int, messages: int) -> None:
        now = self._loop.time()
        rates = self._rates
        rates.take_frames(controls, messages, now)
        if self._must_count and self._mode is _DELIVER:
            too_many = rates.too_many_messages(now)
            if too_many:
                self._taken_back = payload_size(self._queue.take_back())
            if too_many or rates.too_many_bytes(now):
                self._sink.meet_end(RATE_EXCEEDED)
        self._look_ahead(now)

    def _count_by(self, limits: Limits) -> None:
        self._must_count = bool(limits.max_messages_per_second or limits.max_bytes_per_second)
        self._look_ahead(self._loop.time())

    def _look_ahead(self, now: float) -> None:
        """See whether a whole share may be read next time, too."""
        frames = self._rates.frames_now(now, FRAMES_PER_SHARE)
        self._near_limit = self._must_count or frames < FRAMES_PER_SHARE
