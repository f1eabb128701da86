"""`python -m app.scaffold NAME`: write a new handler into the project in the current folder."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from app.scaffold import changes, handler_files
from app.scaffold.changes import Change
from app.scaffold.errors import ScaffoldError, UnexpectedFileError
from app.scaffold.names import HandlerNames, handler_names

EXIT_OK: Final = 0
EXIT_NOTHING_WRITTEN: Final = 1

DEVELOPMENT_CONFIG: Final = Path("config_dev.yaml")


def main(arguments: Sequence[str], root: Path) -> int:
    """Do what the command line says, in the project at `root`, and return the exit code.

    0 if the handler was written, 1 if nothing was.
    """
    options = _parser().parse_args(arguments)
    try:
        names = handler_names(options.name, options.path)
        return _write(names, root)
    except ScaffoldError as error:
        print(error, file=sys.stderr)
    return EXIT_NOTHING_WRITTEN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m app.scaffold",
        description="Write a WebSocket handler, its section in the static config and its test.",
    )
    parser.add_argument("name", metavar="NAME", help="such as weather-feed")
    parser.add_argument("--path", metavar="/PATH", help="the path of its URL; by default /NAME")
    return parser


def _write(names: HandlerNames, root: Path) -> int:
    try:
        handler_files.check_free(root, names)
        new, changed = handler_files.new_files(names), handler_files.changed_files(root, names)
    except UnexpectedFileError as error:
        print(f"{error}; to be written by hand:", file=sys.stderr)
        print(handler_files.by_hand(names), end="")
        return EXIT_NOTHING_WRITTEN
    try:
        changes.make(root, [*new, *changed])
    except OSError as error:
        raise ScaffoldError(
            f"{error.filename or root}: {error.strerror}; nothing was written"
        ) from None
    print(_report(names, new, changed, root))
    return EXIT_OK


def _report(
    names: HandlerNames, new: Sequence[Change], changed: Sequence[Change], root: Path
) -> str:
    """Return what was done and what comes next."""
    lines = [
        *(f"written: {change.path}" for change in new),
        *(f"changed: {change.path}" for change in changed),
        "",
        "next:",
        f"    make test ARGS={new[-1].path}",
        "    make start",
        f"    npx wscat -c ws://localhost:8080{names.url_path}",
    ]
    if (root / DEVELOPMENT_CONFIG).exists():
        lines += ["", f"`make start` reads {DEVELOPMENT_CONFIG}: write the section there, too."]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path.cwd()))
