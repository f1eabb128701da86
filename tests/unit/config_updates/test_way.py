from pathlib import Path

import pytest

from app.config_updates.way import Way


def names_below(way: Way, root: Path) -> set[str]:
    """Return what is looked up below `root`, without what leads there."""
    return {name.removeprefix(f"{root}/") for name in way.names if name.startswith(f"{root}/")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path.resolve()


def test_way_leads_through_all_folders(root: Path) -> None:
    (root / "a").mkdir()
    (root / "a" / "file").write_text("")

    way = Way.to(root / "a" / "file")

    parents = {str(each) for each in [root, *root.parents]}
    assert set(way.folders) == parents | {f"{root}/a"}
    assert way.names == {*parents, f"{root}/a", f"{root}/a/file"} - {"/"}


def test_way_ends_where_something_is_missing(root: Path) -> None:
    way = Way.to(root / "a" / "b" / "file")

    assert names_below(way, root) == {"a"}


def test_way_ends_at_a_file_that_should_be_a_folder(root: Path) -> None:
    (root / "a").write_text("")

    assert names_below(Way.to(root / "a" / "b" / "c"), root) == {"a", "a/b"}


def test_links_of_a_config_map_are_followed(root: Path) -> None:
    (root / "..first").mkdir()
    (root / "..data").symlink_to("..first")
    (root / "values.json").symlink_to("..data/values.json")

    names = names_below(Way.to(root / "values.json"), root)

    assert names == {"values.json", "..data", "..first", "..first/values.json"}


def test_links_may_lead_up_and_anywhere(root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "else").mkdir()
    (root / "a" / "b" / "file").symlink_to("../../else/./link")
    (root / "else" / "link").symlink_to(root / "target")

    names = names_below(Way.to(root / "a" / "b" / "file"), root)

    assert names == {"a", "a/b", "a/b/file", "else", "else/link", "target"}


def test_parent_of_a_link_is_that_of_where_it_leads(root: Path) -> None:
    (root / "a").mkdir()
    (root / "b" / "c").mkdir(parents=True)
    (root / "a" / "link").symlink_to(root / "b" / "c")

    names = names_below(Way.to(root / "a" / "link" / ".." / "file"), root)

    assert names == {"a", "a/link", "b", "b/c", "b/file"}


def test_links_in_a_circle_come_to_an_end(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")

    assert names_below(Way.to(root / "a"), root) == {"a", "b"}


def test_relative_path_begins_in_the_current_directory(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)

    assert Way.to(Path("file")) == Way.to(root / "file")


@pytest.mark.parametrize("name", ["a\0b", "a" * 5000])
def test_name_that_no_file_can_have_is_looked_up_in_vain(root: Path, name: str) -> None:
    assert str(root) in Way.to(root / name / "file").folders


def test_other_contents_are_no_other_way(root: Path) -> None:
    path, new = root / "file", root / "new"
    path.write_text("")
    before = Way.to(path)
    path.write_text("1")
    new.write_text("2")
    new.rename(path)

    assert Way.to(path) == before


def test_folder_that_took_the_place_of_another_is_another_way(root: Path) -> None:
    for name in ("folder", "new"):
        (root / name).mkdir()
        (root / name / "file").write_text("")
    before = Way.to(root / "folder" / "file")
    (root / "folder").rename(root / "old")
    (root / "new").rename(root / "folder")

    after = Way.to(root / "folder" / "file")

    assert after != before
    assert after.names == before.names


def test_link_that_leads_elsewhere_is_another_way(root: Path) -> None:
    for name in ("first", "second"):
        (root / name).mkdir()
    (root / "..data").symlink_to("first")
    before = Way.to(root / "..data" / "file")
    (root / "..data_tmp").symlink_to("second")
    (root / "..data_tmp").rename(root / "..data")

    assert Way.to(root / "..data" / "file") != before
