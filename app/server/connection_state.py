"""Where in its life a connection is."""

import enum


class ConnectionState(enum.Enum):
    """The states of a connection on the direct path; it only moves downwards."""

    CONNECTING = enum.auto()  # the opening handshake is not answered yet
    OPEN = enum.auto()
    LOST = enum.auto()  # the transport has gone; what came before is still to be read
    ENDING = enum.auto()  # the end waits behind the receive queue; until then we may send
    CLOSING = enum.auto()  # our close frame, or a refusal, has gone out
    CLOSED = enum.auto()  # the transport has gone
