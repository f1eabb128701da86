"""Which sockets each worker accepts connections on: the same as all others, or some of its own."""

import contextlib
import socket
from collections.abc import Iterator

from app.server.listener import ListenerConfig, ListenerError, listening_sockets


class WorkerSockets:
    """The listening sockets of workers, by their places, which are counted from 0.

    They are held here, not by the workers: what waits to be accepted waits for the successor of a
    worker, too.

    Args:
        sockets: What listens already: for all, or for the first place.
        backlog: Connections that wait to be accepted at the sockets of one place; None: all places
            have the same sockets.
    """

    def __init__(self, sockets: list[socket.socket], backlog: int | None = None) -> None:
        self._places = [sockets]
        self._backlog = backlog

    def of(self, place: int) -> list[socket.socket]:
        """Return the sockets of a place.

        Raises:
            ListenerError: it has none yet, and can have none.
        """
        if self._backlog is None:
            return self._places[0]
        while len(self._places) <= place:
            self._places.append(_twins(self._places[0], self._backlog))
        return self._places[place]

    def give_up(self, place: int) -> None:
        """Have no sockets for this place any more, nor for those behind it; it is not the first.

        What waits there to be accepted is lost.
        """
        _close(self._places[place:])
        del self._places[place:]

    def close(self) -> None:
        """Accept nothing more anywhere."""
        _close(self._places)


@contextlib.contextmanager
def worker_sockets(config: ListenerConfig, workers: int) -> Iterator[WorkerSockets]:
    """Yield what so many workers accept connections on; on leaving, it is closed.

    Raises:
        ListenerError: the address is taken, unknown or forbidden.
    """
    with listening_sockets(config) as first:
        sockets = WorkerSockets(first, config.backlog if config.reuse_port else None)
        try:
            for place in range(workers):
                sockets.of(place)
            yield sockets
        finally:
            sockets.close()


def _twins(sockets: list[socket.socket], backlog: int) -> list[socket.socket]:
    """Return sockets that listen where these do, with a queue of their own."""
    with contextlib.ExitStack() as on_error:
        twins = []
        for each in sockets:
            try:
                twin = on_error.enter_context(socket.socket(each.family, each.type))
                for level, option in _SAME_OPTIONS[each.family]:
                    twin.setsockopt(level, option, 1)
                twin.bind(each.getsockname())
                twin.listen(backlog)
            except OSError as error:
                where = f"{each.getsockname()[0]} port {each.getsockname()[1]}"
                raise ListenerError(
                    f"cannot listen once more on {where}: {error.strerror or error}"
                ) from None
            twins.append(twin)
        on_error.pop_all()
    return twins


def _close(places: list[list[socket.socket]]) -> None:
    for sockets in places:
        for each in sockets:
            each.close()


_OF_EACH = (
    (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    (socket.SOL_SOCKET, socket.SO_REUSEPORT),
)
_SAME_OPTIONS = {
    socket.AF_INET: _OF_EACH,
    socket.AF_INET6: (*_OF_EACH, (socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)),
}
