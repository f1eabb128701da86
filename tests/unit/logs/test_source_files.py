import sys
import types
from pathlib import Path

import pytest

import app.logs.source_files
from app.logs.source_files import import_folders, loaded_files, relative_path


def test_folders_are_absolute_and_the_inner_ones_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["/a", "", "/a/b/", "lib", b"/bytes", "/"])

    assert sorted(import_folders()) == sorted(
        ["/a/", "/a/b/", "/", f"{tmp_path}/", f"{tmp_path}/lib/"]
    )
    assert import_folders().index("/a/b/") < import_folders().index("/a/")
    assert import_folders()[-1] == "/"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b/c.py", "c.py"),
        ("/a/c/d.py", "c/d.py"),
        ("/ab/c.py", "/ab/c.py"),
        ("<string>", "<string>"),
        ("", ""),
    ],
)
def test_path_is_relative_to_the_first_folder_that_it_is_in(path: str, expected: str) -> None:
    assert relative_path(path, ["/a/b/", "/a/"]) == expected


def test_loaded_files_are_those_of_modules_whatever_else_there_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Trap:
        @property
        def __file__(self) -> str:
            raise RuntimeError

    lazy = types.ModuleType("lazy")
    lazy.__getattr__ = Trap().__getattribute__  # type: ignore[method-assign]
    without_file = types.ModuleType("none")
    without_file.__file__ = None
    for name, entry in {"trap": Trap(), "lazy": lazy, "none": without_file}.items():
        monkeypatch.setitem(sys.modules, f"test_loaded_{name}", entry)

    found = loaded_files()

    assert app.logs.source_files.__file__ in found
    assert __file__ in found
    assert all(path.startswith("/") and path.endswith(".py") for path in found)


def test_record_has_the_path_of_a_loaded_file() -> None:
    assert sys._getframe().f_code.co_filename in loaded_files()
