"""What a reader of messages makes of what comes."""

from app.websocket.messages import Item, MessageReader


def read_all(reader: MessageReader, *pieces: bytes, max_frames: int = 100) -> list[Item]:
    """Return what a reader does if it is asked after each piece for as long as it has more."""
    items: list[Item] = []
    for piece in pieces:
        reader.feed(piece)
        items += reader.read(max_frames)
        while reader.has_more:
            items += reader.read(max_frames)
    return items
