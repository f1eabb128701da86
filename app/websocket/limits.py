"""What one connection may ask for."""

from dataclasses import dataclass
from typing import Final

CLOSE_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one connection.

    Args:
        max_remote_payload: Bytes of the longest message that is received; more is closed with 1009.
        fragment_size: Bytes of the largest frame of a message that is sent; 0 never fragments.
        close_timeout: Seconds that a peer's close frame waits for our reader, and ours for the
            peer.
    """

    max_remote_payload: int
    fragment_size: int
    close_timeout: float = CLOSE_TIMEOUT
