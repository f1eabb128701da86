"""Where the code of the service gets its snapshots from."""

from app.dynamic_config.snapshot import Snapshot


class Source:
    """The present values. Hold the source, not the snapshot: the next one may have other values."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @property
    def snapshot(self) -> Snapshot:
        """The values of this moment; they stay as they are while you hold it."""
        return self._snapshot
