"""What a connection has carried."""

from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """Whole messages each way, and the bytes of their payload (not of frame heads or pings)."""

    messages_received: int = 0
    bytes_received: int = 0
    messages_sent: int = 0
    bytes_sent: int = 0


def payload_size(message: str | bytes) -> int:
    """Return the bytes that the message has as payload."""
    # To know that a text is ASCII takes no look at its characters.
    if isinstance(message, bytes) or message.isascii():
        return len(message)
    return len(message.encode(errors="surrogatepass"))


def is_longer(message: str | bytes, limit: int) -> bool:
    """Return whether the message has more bytes of payload than `limit`."""
    if isinstance(message, bytes) or len(message) > limit:
        return len(message) > limit
    # Encoded only where it must be: no character takes more than four bytes of UTF-8.
    return len(message) * 4 > limit and len(message.encode()) > limit
