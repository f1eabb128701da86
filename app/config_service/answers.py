"""What a service is answered that asks for values. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from app.config_service.changes import Change
from app.config_service.state import State
from app.config_updates.protocol import ValuesRequest


def answer(state: State, asked: ValuesRequest) -> bytes:
    """Return the body of the answer, see `app.config_updates.protocol.ValuesAnswer`.

    Who asks for what has changed since an `updated_at` that was never ours, for the file is another
    one by now (a backup that was put back), gets all there is. The `updated_at` of that answer is
    behind what was asked for: who gets an older one would pass it over. Nor is it the same: it may
    be ours one day (the right file is put back), and then it stands for other values.
    """
    service, stage, since = asked.service or "", asked.stage_name or "", asked.updated_since
    if since is None:
        return _body(_of(state.effective(service, stage), asked.ids), (), state.updated_at)
    revision = state.revision_of(since)
    if revision is None:
        names = {*state.names(service, stage), *(asked.ids or ())}
    else:
        names = state.touched(service, stage, revision)
    if names and asked.ids is not None:
        names = names.intersection(asked.ids)
    effective = state.effective(service, stage) if names else {}
    removed = sorted(names - effective.keys())
    updated_at = state.updated_at if revision is not None else max(state.updated_at, _marked(since))
    return _body(_of(effective, sorted(names)), removed, updated_at)


def _marked(since: str) -> str:
    """Return a text that is behind another one, before all later times, and never a time of ours.

    It does not grow where it is handed back.
    """
    return since if since.endswith(_MARK) else since + _MARK


_MARK: Final = "~"


def _of(effective: Mapping[str, Change], ids: Iterable[str] | None) -> Mapping[str, Change]:
    if ids is None:
        return effective
    return {name: effective[name] for name in ids if name in effective}


def _body(configs: Mapping[str, Change], removed: Iterable[str], updated_at: str) -> bytes:
    # The values are JSON already.
    values = ",".join(f"{json.dumps(name)}:{each.draft.value}" for name, each in configs.items())
    rest = json.dumps({"updated_at": updated_at, "removed": list(removed)}, ensure_ascii=False)
    return f'{{"configs":{{{values}}},{rest[1:]}'.encode()


class Answers:
    """Answers that are kept until something changes: an answer depends on the request and that.

    Args:
        state: What is set.
        room: Bytes of requests and answers that are kept at most.
    """

    def __init__(self, state: State, room: int = 32 << 20) -> None:
        self._state: Final = state
        self._room: Final = room
        self._kept: Final[dict[bytes, bytes]] = {}
        self._revision = 0
        self._taken = 0

    def find(self, body: bytes) -> bytes | None:
        """Return the answer to the request with this body, if it is still known."""
        return self._kept.get(body) if self._revision == self._state.revision else None

    def make(self, body: bytes, asked: ValuesRequest) -> bytes:
        """Return, and keep, the answer to a request that is not known."""
        if self._revision != self._state.revision:
            self._forget()
        made = answer(self._state, asked)
        size = len(body) + len(made)
        if self._taken + size > self._room:
            self._forget()
        if size <= self._room:
            self._kept[body] = made
            self._taken += size
        return made

    def _forget(self) -> None:
        self._kept.clear()
        self._revision = self._state.revision
        self._taken = 0
