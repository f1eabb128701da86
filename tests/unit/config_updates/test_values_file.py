import asyncio
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from pydantic import Field

from app.config_updates import values_file
from app.config_updates.errors import UpdateError
from app.config_updates.updates import Unchanged, Values
from app.config_updates.values_file import ValuesFile
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.dynamic_config.variable import Variable
from app.static_config.errors import ConfigFileError
from tests.helpers.clients import TIMEOUT
from tests.helpers.hanging_files import HangingFiles
from tests.helpers.service_process import wait_until

Share = Annotated[float, Field(le=1.0)]

COUNT = Variable("COUNT", int, 7, description="How many.", reader="a test")
SWITCH = Variable("SWITCH", bool, False, description="Whether.", reader="a test")
SHARE = Variable("SHARE", Share, 1.0, description="How much.", reader="a test")
SHARES = Variable("SHARES", dict[str, float], {}, description="How much.", reader="a test")

Pause = Callable[[Callable[[], object]], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "values.json"


@pytest.fixture
def source() -> Source:
    return Source([COUNT, SWITCH, SHARE, SHARES], Snapshot({}))


@pytest.fixture
def in_each_pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    """Let something happen in the pause before new contents are read once more, and not wait."""

    def let(happen: Callable[[], object]) -> None:
        monkeypatch.setattr(values_file, "time", SimpleNamespace(sleep=lambda _: happen()))

    return let


def put(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def replace(path: Path, content: str) -> None:
    path.unlink()
    put(path, content)


async def fetched(file: ValuesFile) -> Values:
    values = await file.fetch()
    assert isinstance(values, Values)
    return values


def refusal(source: Source, values: Values) -> str:
    """Return what the source says against these values."""
    with pytest.raises(ConfigFileError) as caught:
        source.update(values.document, values.origin, values.revision)
    return str(caught.value)


async def test_values_have_the_file_as_their_origin_and_a_digest_as_their_revision(
    path: Path,
) -> None:
    put(path, '{"COUNT": 2}')

    values = await fetched(ValuesFile(path))

    assert values.document.mapping() == {"COUNT": 2}
    assert values.origin == str(path)
    assert values.revision == hashlib.sha256(b'{"COUNT": 2}').hexdigest()[:12]
    assert not values.known_only


@pytest.mark.parametrize("name", ["values.yaml", "values.yml", "VALUES.YAML"])
async def test_file_is_yaml_if_its_name_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("# how many\nCOUNT: 2\nSWITCH: on\n")

    values = await fetched(ValuesFile(tmp_path / name))

    assert values.document.mapping() == {"COUNT": 2, "SWITCH": True}


async def test_path_is_relative_to_the_current_directory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, '{"COUNT": 2}')
    monkeypatch.chdir(path.parent)

    assert (await fetched(ValuesFile(Path(path.name)))).origin == str(path)


async def test_values_that_were_taken_are_not_fetched_again(path: Path) -> None:
    file = ValuesFile(path)
    put(path, "{}")
    values = await fetched(file)
    file.taken()
    put(path, "{}")

    assert await file.fetch() == Unchanged(values.revision)


async def test_values_that_were_not_taken_are_fetched_again(path: Path) -> None:
    file = ValuesFile(path)
    put(path, "{}")

    assert await fetched(file) == await fetched(file)


async def test_values_that_are_back_after_others_were_refused_are_those_that_were_taken(
    path: Path,
) -> None:
    file = ValuesFile(path)
    put(path, '{"COUNT": 2}')
    taken = await fetched(file)
    file.taken()
    put(path, '{"COUNT": "many"}')
    await fetched(file)
    put(path, '{"COUNT": 2}')

    assert await file.fetch() == Unchanged(taken.revision)


async def test_values_that_are_back_after_others_were_taken_are_new(path: Path) -> None:
    file = ValuesFile(path)
    for content in ('{"COUNT": 2}', '{"COUNT": 3}', '{"COUNT": 2}'):
        put(path, content)
        values = await fetched(file)
        file.taken()

    assert values.document.mapping() == {"COUNT": 2}


# What cannot be read


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("nowhere"), "No such file or directory"),
        (os.mkfifo, "a pipe or a device, expected a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "a pipe or a device, expected a regular file"),
    ],
    ids=["missing", "folder", "circle", "dangling", "pipe", "device"],
)
async def test_file_that_cannot_be_read_is_told_with_its_path(
    path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(path)

    with pytest.raises(UpdateError) as caught:
        await ValuesFile(path).fetch()

    assert str(caught.value) == f"{path}: {said}"


async def test_relative_path_that_leads_nowhere_says_what_it_is_relative_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UpdateError, match=r"No such file .*; relative to the current directory$"):
        await ValuesFile(Path("values.json")).fetch()


async def test_path_that_no_file_can_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="null"):
        await ValuesFile(tmp_path / "a\0b").fetch()


async def test_file_that_is_too_large_is_not_read_to_its_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values_file, "MAX_SIZE", 2 * 1024**2)
    fits = b"{}" + b" " * (2 * 1024**2 - 2)
    put(path, fits)
    assert (await fetched(ValuesFile(path))).document.mapping() == {}
    put(path, fits + b" ")

    with pytest.raises(UpdateError) as caught:
        await ValuesFile(path).fetch()

    assert str(caught.value) == f"{path}: larger than 2 MiB, which is no file with values"


async def test_good_file_in_the_place_of_a_pipe_is_taken(path: Path) -> None:
    file = ValuesFile(path)
    os.mkfifo(path)
    with pytest.raises(UpdateError):
        await file.fetch()
    replace(path, '{"COUNT": 2}')

    assert (await fetched(file)).document.mapping() == {"COUNT": 2}


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingFiles]:
    """Files that cannot be opened, and nobody who waits for that."""
    hanging = HangingFiles(monkeypatch)
    monkeypatch.setattr(values_file, "READ_TIMEOUT", 0.01)
    yield hanging
    hanging.go_on()


def let_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let as much time have passed as is needed for another read."""
    monkeypatch.setattr(values_file, "PATIENCE", (0.0,) * len(values_file.PATIENCE))


async def refused(file: ValuesFile) -> str:
    with pytest.raises(UpdateError) as caught:
        await file.fetch()
    return str(caught.value)


async def test_read_that_hangs_is_told_and_for_a_while_no_other_begins(
    path: Path, hanging: HangingFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, "{}")
    file = ValuesFile(path)
    for _ in range(3):
        assert await refused(file) == f"{path}: not read within 0 s"
    assert hanging.count == 1

    hanging.work(monkeypatch)
    hanging.go_on()
    await asyncio.to_thread(wait_until, lambda: not is_reading(), TIMEOUT)
    monkeypatch.setattr(values_file, "READ_TIMEOUT", TIMEOUT)
    assert (await fetched(file)).document.mapping() == {}


def is_reading() -> bool:
    return any(each.name == "values-file" for each in threading.enumerate())


async def test_read_that_hangs_for_ever_keeps_no_later_one_from_the_file(
    path: Path, hanging: HangingFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those do whose file system was taken away and put there again."""
    file = ValuesFile(path)
    await refused(file)

    hanging.work(monkeypatch)
    put(path, '{"COUNT": 2}')
    let_pass(monkeypatch)
    monkeypatch.setattr(values_file, "READ_TIMEOUT", TIMEOUT)

    assert (await fetched(file)).document.mapping() == {"COUNT": 2}


async def test_no_more_reads_hang_than_may_and_then_the_way_out_is_told(
    path: Path, hanging: HangingFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(path, "{}")
    let_pass(monkeypatch)
    file = ValuesFile(path)
    told = [await refused(file) for _ in range(10)]

    assert hanging.count == 4
    assert told[:4] == [f"{path}: not read within 0 s"] * 4
    assert set(told[4:]) == {
        f"{path}: 4 reads hang; when the file can be read again, restart the service"
    }


async def test_what_a_read_has_found_that_came_too_late_is_nothing(
    path: Path, hanging: HangingFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be of a file system that is not there any more."""
    put(path, '{"COUNT": 1}')
    file = ValuesFile(path)
    await refused(file)
    hanging.work(monkeypatch)
    hanging.go_on()
    await asyncio.to_thread(wait_until, lambda: not is_reading(), TIMEOUT)
    put(path, '{"COUNT": 2}')
    monkeypatch.setattr(values_file, "READ_TIMEOUT", TIMEOUT)

    assert (await fetched(file)).document.mapping() == {"COUNT": 2}


async def test_wait_for_a_read_that_hangs_can_be_given_up_at_once(
    path: Path, hanging: HangingFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values_file, "READ_TIMEOUT", 3600.0)
    fetching = asyncio.create_task(ValuesFile(path).fetch())
    await asyncio.to_thread(wait_until, lambda: hanging.count == 1, TIMEOUT)
    fetching.cancel()

    async with asyncio.timeout(TIMEOUT):
        await asyncio.wait([fetching])

    assert fetching.cancelled()


# What is no values


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("v.json", "", "{path}:1: not valid JSON: the file is empty; write {{}} at least"),
        ("v.json", "[]", "{path}:1: expected an object: variable names and their values"),
        ("v.json", '{"COUNT": 2,\n', "{path}:2: not valid JSON: Expecting property name"),
        ("v.json", '{"COUNT": 2}}', "{path}:1: not valid JSON: Extra data"),
        ("v.json", '{\n"COUNT": 1,\n"COUNT": 2}', "{path}:3: COUNT: the same key is in line 2"),
        ("v.json", '{\n\n"COUNT": "x"}', "{path}:3: COUNT: expected a whole number (got 'x')"),
        ("v.json", '{"COUNTS": 1}', "{path}:1: COUNTS: unknown variable; did you mean 'COUNT'?"),
        ("v.json", '{"SHARES": {"a": NaN}}', "{path}:1: SHARES.a: not valid JSON: NaN is no"),
        ("v.json", '{"SHARES": {"a": 1e999}}', "{path}:1: SHARES.a: expected a finite number"),
        ("v.yaml", "", "{path}:1: the file is empty; write {{}} at least"),
        ("v.yaml", "# nothing\n", "{path}:1: the file is empty; write {{}} at least"),
        ("v.yaml", "- 1", "{path}:1: expected an object: variable names and their values"),
        ("v.yaml", "COUNT: [\n", "{path}:2: not valid YAML"),
        ("v.yaml", "\nCOUNT: x", "{path}:2: COUNT: expected a whole number (got 'x')"),
        ("v.yaml", "COUNT: 010", "{path}:1: COUNT: "),
        ("v.yaml", "SHARES:\n  a: .inf", "{path}:2: SHARES.a: expected a finite number"),
    ],
)
async def test_contents_that_are_no_values_are_refused_with_their_line(
    tmp_path: Path, source: Source, name: str, content: str, said: str
) -> None:
    path = tmp_path / name
    put(path, content)

    text = refusal(source, await fetched(ValuesFile(path)))

    assert text.startswith(said.format(path=path))


async def test_contents_that_are_not_utf_8_are_refused(path: Path, source: Source) -> None:
    put(path, b'{"COUNT": \xff}')

    assert "not UTF-8 (byte 0xff)" in refusal(source, await fetched(ValuesFile(path)))


async def test_all_that_is_wrong_is_told_at_once_and_once(path: Path, source: Source) -> None:
    put(path, '{"SHARES": {"a": 1e999},\n"COUNT": "x",\n"NO": 1,\n"SHARE": 1e999}')

    text = refusal(source, await fetched(ValuesFile(path)))

    assert [line.split(": ")[:2] for line in text.splitlines()] == [
        [f"{path}:1", "SHARES.a"],
        [f"{path}:2", "COUNT"],
        [f"{path}:3", "NO"],
        [f"{path}:4", "SHARE"],
    ]


async def test_contents_that_are_no_values_are_refused_again_without_being_read_anew(
    path: Path, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ValuesFile(path)
    put(path, "{")
    first = refusal(source, await fetched(file))

    def fail(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(values_file, "parse_values_file", fail)

    assert refusal(source, await fetched(file)) == first


# Who writes it is not done yet


async def test_rest_of_a_file_that_is_being_written_is_waited_for(
    path: Path, in_each_pause: Pause
) -> None:
    rest = ['{"COUNT"', ": 2}"]

    def write_on() -> None:
        with path.open("a") as file:
            file.write(rest.pop(0) if rest else "")

    put(path, "")
    in_each_pause(write_on)

    assert (await fetched(ValuesFile(path))).document.mapping() == {"COUNT": 2}


async def test_file_that_is_written_all_the_time_is_taken_as_it_is(
    path: Path, in_each_pause: Pause
) -> None:
    written = 1

    def write() -> None:
        nonlocal written
        written += 1
        put(path, f'{{"COUNT": {written}}}')

    put(path, '{"COUNT": 1}')
    in_each_pause(write)

    values = await fetched(ValuesFile(path))

    assert values.document.mapping() == {"COUNT": written}
    assert written == 10


async def test_contents_that_were_read_before_are_not_waited_for(
    path: Path, in_each_pause: Pause
) -> None:
    put(path, "{}")
    file = ValuesFile(path)
    await fetched(file)
    file.taken()
    pauses: list[None] = []
    in_each_pause(lambda: pauses.append(None))

    assert isinstance(await file.fetch(), Unchanged)
    assert pauses == []
