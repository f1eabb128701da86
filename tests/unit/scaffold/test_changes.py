from pathlib import Path

import pytest

from app.scaffold.changes import Change, make
from tests.unit.scaffold.projects import content

BEFORE = "first\r\nsécond"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "there.txt").write_bytes(BEFORE.encode())
    return tmp_path


CHANGES = [
    Change(Path("new/folder/one.txt"), None, "one"),
    Change(Path("new/folder/two.txt"), None, "two"),
    Change(Path("there.txt"), BEFORE, f"{BEFORE}\nthird\r\n"),
]


def test_files_and_their_folders_are_written(root: Path) -> None:
    make(root, CHANGES)

    assert content(root) == {
        "new": None,
        "new/folder": None,
        "new/folder/one.txt": b"one",
        "new/folder/two.txt": b"two",
        "there.txt": "first\r\nsécond\nthird\r\n".encode(),
    }


def test_write_that_fails_undoes_what_was_written(root: Path) -> None:
    earlier = content(root)

    with pytest.raises(NotADirectoryError):
        make(root, [*CHANGES, Change(Path("there.txt/new.txt"), None, "new")])

    assert content(root) == earlier
