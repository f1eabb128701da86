"""Says which places of the dynamic config are none in the code that runs. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from app.logs.place_levels import Place
from app.logs.source_files import relative_path
from app.logs.variables import DynamicDebug
from app.static_config.errors import did_you_mean

MAX_HINTS: Final = 5
"""Places of which it is said what was perhaps meant; to find that takes milliseconds."""


def unknown_places(
    config: DynamicDebug, files: Iterable[str], folders: Sequence[str]
) -> Iterator[str]:
    """Yield what to say of each place that no source file has.

    Args:
        config: The places.
        files: The absolute paths of the source files.
        folders: What else their paths may be relative to.
    """
    absolute = set(files)
    relative = {relative_path(path, folders) for path in absolute}
    hints_left = MAX_HINTS
    for text in dict.fromkeys(_places(config)):
        place = Place.parse(text)
        if _is_known(place, relative) or _is_known(place, absolute):
            continue
        hint = did_you_mean(place.path, _names(relative)) if hints_left > 0 else ""
        hints_left -= 1
        begins = "begins with" if place.line is None else "is"
        yield f"{text!r}: no module that is loaded has a source file whose path {begins} that{hint}"


def _places(config: DynamicDebug) -> Iterator[str]:
    yield from config.force_enabled
    yield from config.force_enabled_level
    yield from config.force_disabled
    yield from config.force_disabled_level


def _is_known(place: Place, paths: set[str]) -> bool:
    if place.line is not None:
        return place.path in paths
    return any(path.startswith(place.path) for path in paths)


def _names(paths: Iterable[str]) -> set[str]:
    """Return the paths, and those of the folders that they are in."""
    folders = {f"{folder}/" for path in paths for folder in PurePosixPath(path).parents}
    return {*paths, *folders}
