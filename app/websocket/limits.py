"""What the connections of a handler may ask for."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from app.static_config.duration import Duration
from app.static_config.errors import OptionError
from app.static_config.model import ConfigModel

MAX_SECONDS: Final = 86400 * 365

MAX_NUMBER: Final = 2**31 - 1
"""More than anybody wants, and as much as the transports of uvloop take."""

_Timeout = Annotated[Duration, Field(ge=0, le=MAX_SECONDS)]
_Number = Annotated[int, Field(ge=0, le=MAX_NUMBER)]
_Positive = Annotated[int, Field(ge=1, le=MAX_NUMBER)]


class Limits(ConfigModel):
    """The limits of a handler's connections: all that a peer could otherwise have as it likes.

    Each can be changed while connections are open: see `app.websocket.variables`.

    What ASGI does not show holds on the direct path only: frames and pings, and with them
    `fragment-size`, `max-fragments`, `max-control-frames-per-second`, `ping-interval`,
    `ping-timeout`, `send-buffer-high` and `send-buffer-low`. On the portable path
    `max-bytes-per-second` counts payload, `idle-timeout` the messages that the handler receives,
    `send-timeout` is how long one `send` may wait, and `close-timeout` how long our close frame
    may.
    """

    max_connections: _Number = Field(
        default=0,
        alias="max-connections",
        description="Connections of the handler at a time, in each worker process. One more is"
        " refused with 503. 0: as many as there are.",
    )
    max_connections_per_address: _Number = Field(
        default=0,
        alias="max-connections-per-address",
        description="Connections of one client address at a time, in each worker process. One more"
        " is refused with 429. The address is the one that a trusted proxy tells; IPv6 counts by"
        " /64 networks. 0: as many as there are.",
    )
    max_remote_payload: _Positive = Field(
        default=65536,
        alias="max-remote-payload",
        description="Bytes of a client's message, at most. A longer one ends the connection with"
        " close code 1009.",
    )
    max_fragments: _Positive = Field(
        default=65536,
        alias="max-fragments",
        description="Frames of a client's message, at most; empty ones count. More end the"
        " connection with close code 1009.",
    )
    fragment_size: _Number = Field(
        default=65536,
        alias="fragment-size",
        description="Bytes of a frame that is sent, at most; a longer message goes in several. 0:"
        " each goes in one.",
    )
    max_control_frames_per_second: _Positive = Field(
        default=100,
        alias="max-control-frames-per-second",
        description="Pings and pongs of a client that are read per second, and twice as many at"
        " once. More are read later: the client is slowed down.",
    )
    max_messages_per_second: _Number = Field(
        default=0,
        alias="max-messages-per-second",
        description="Messages of a client per second, and as many at once. 0: as many as it likes."
        " `on-rate-limit` says what happens to more.",
    )
    max_bytes_per_second: _Number = Field(
        default=0,
        alias="max-bytes-per-second",
        description="Bytes that a client sends per second, and as many at once, with the heads of"
        " its frames, and compressed if they are. 0: as many as it likes. `on-rate-limit` says what"
        " happens to more; what has come at once is read at once, when the rate allows all of it.",
    )
    on_rate_limit: Literal["pause", "close"] = Field(
        default="pause",
        alias="on-rate-limit",
        description="What happens to a client that sends more per second than it may: it is read"
        " later (`pause`: nothing is lost, the client is slowed down), or the connection ends with"
        " close code 1008 (`close`).",
    )
    ping_interval: _Timeout = Field(
        default=20.0,
        alias="ping-interval",
        description="Time between two pings, at most: each is up to a quarter earlier, so that"
        " connections that begin together do not stay in step. 0: no pings.",
    )
    ping_timeout: _Timeout = Field(
        default=20.0,
        alias="ping-timeout",
        description="How long after a ping something must come from the client, whatever it is."
        " Otherwise the connection ends with close code 1011. 0: as long as it likes.",
    )
    idle_timeout: _Timeout = Field(
        default=0.0,
        alias="idle-timeout",
        description="How long a connection may go without a message, from the client or to it;"
        " pings are none. Then, or up to a quarter later, it ends with close code 1001. While"
        " messages wait for the handler, or the handler for the client, it is not idle. 0: as long"
        " as it likes.",
    )
    max_session_time: _Timeout = Field(
        default=0.0,
        alias="max-session-time",
        description="How long a connection may last. Then it ends with close code 1001. 0: as long"
        " as it likes.",
    )
    send_timeout: _Timeout = Field(
        default=30.0,
        alias="send-timeout",
        description="When as much waits for a client as `send-buffer-high`, how long it may be"
        " until the client has taken that many bytes, or enough for `send` to go on. A slower one"
        " is closed with close code 1008. 0: as long as it likes.",
    )
    send_buffer_high: _Positive = Field(
        default=65536,
        alias="send-buffer-high",
        description="Bytes that wait for a client to take them, from which on `send` waits, too,"
        " and nothing more is read from the client.",
    )
    send_buffer_low: _Number = Field(
        default=16384,
        alias="send-buffer-low",
        description="Bytes down to which those that wait must have gone before `send` goes on. Not"
        " more than `send-buffer-high`.",
    )
    close_timeout: Annotated[Duration, Field(gt=0, le=3600)] = Field(
        default=5.0,
        alias="close-timeout",
        description="How long the client's close frame waits for the handler to receive what came"
        " before it, and how long ours waits for the client's.",
    )

    def raise_if_contradictory(self) -> None:
        """Check what no option can know by itself.

        Raises:
            OptionError: options that do not go together.
        """
        if self.send_buffer_low > self.send_buffer_high:
            high, low = self.send_buffer_high, self.send_buffer_low
            text = f"must not be more than send-buffer-high, {high} (got {low})"
            raise OptionError({("send-buffer-low",): text})

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        self.raise_if_contradictory()
        return self
