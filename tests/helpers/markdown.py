"""The fenced blocks of a Markdown file."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FENCE: Final = "```"


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block.

    Args:
        line: Where it begins, from 1.
        info: What stands behind the opening fence, by words.
        text: What stands in it, with the end of the last line.
        section: The heading of level 2 that it stands under.
    """

    line: int
    info: tuple[str, ...]
    text: str
    section: str


def blocks_of(markdown: str) -> Iterator[Block]:
    """Yield the fenced blocks, in order.

    Raises:
        ValueError: one does not end.
    """
    section, opened, lines = "", None, list[str]()
    for number, line in enumerate(markdown.splitlines(keepends=True), start=1):
        if opened is None and line.startswith(FENCE):
            opened, lines = (number, tuple(line.removeprefix(FENCE).split())), []
        elif opened is not None and line.rstrip() == FENCE:
            yield Block(*opened, "".join(lines), section)
            opened = None
        elif opened is not None:
            lines.append(line)
        elif line.startswith("## "):
            section = line.removeprefix("## ").rstrip()
    if opened is not None:
        raise ValueError(f"the block of line {opened[0]} does not end")


def links_of(markdown: str) -> list[str]:
    """Return the targets of all links, `[text](target)`, in order."""
    return re.findall(r"\]\(([^)\s]+)\)", markdown)


def anchors_of(markdown: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
