"""What the kernel tells: the interval is so long that nothing else does, if not said otherwise."""

import asyncio
import contextlib
import itertools
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from watchfiles._rust_notify import RustNotify

from app.config_updates import file_watch
from app.config_updates.file_watch import FileWatch
from app.config_updates.way import Way
from tests.helpers.clients import TIMEOUT
from tests.helpers.config_map import ConfigMap
from tests.helpers.service_process import wait_until

NEVER = 3600.0
NOW_AND_THEN = 0.02


class Watched:
    """A file that is read whenever a watch tells that it may have changed."""

    def __init__(self, path: Path, interval: float = NEVER) -> None:
        self.path = path
        self.tells = 0
        self._told = asyncio.Event()
        self.watch = FileWatch(path, interval, self._note)

    async def start(self) -> None:
        """Begin; what happens after this is seen by the kernel only."""
        self.watch.start()
        await self.until(lambda: self.tells > 0)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds, which may be known a little before the watch tells it."""
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._told.wait(), NOW_AND_THEN)
                self._told.clear()

    async def until_read(self, content: str | None) -> None:
        """Wait until the watch tells something while this is in the file; None: no file."""
        self._told.clear()
        async with asyncio.timeout(TIMEOUT):
            await self._told.wait()
        await self.until(lambda: self._read() == content)

    def _read(self) -> str | None:
        try:
            return self.path.read_text()
        except OSError:
            return None

    def _note(self) -> None:
        self.tells += 1
        self._told.set()


Watch = Callable[..., Watched]


@pytest.fixture
async def watch() -> AsyncIterator[Watch]:
    """Makes what is watched; its watch ends with the test."""
    made: list[Watched] = []

    def make(path: Path, interval: float = NEVER) -> Watched:
        made.append(Watched(path, interval))
        return made[-1]

    yield make
    for each in made:
        await each.watch.stop()


@pytest.fixture
def watched(watch: Watch, tmp_path: Path) -> Watched:
    """A file in a folder; neither is there yet."""
    return watch(tmp_path / "folder" / "values.json")


@pytest.fixture
async def started(watched: Watched) -> Watched:
    """The same, with "1" in it, and the watch has begun."""
    watched.path.parent.mkdir()
    watched.path.write_text("1")
    await watched.start()
    return watched


def watch_threads() -> list[str]:
    """Return the threads of watches and of the library, as the operating system calls them."""
    named = [each.name for each in threading.enumerate() if each.name == "file-watch"]
    tasks = [each.read_text() for each in Path("/proc/self/task").glob("*/comm")]
    return named + [name for name in tasks if "notify" in name]


# What happens to the file


async def test_file_that_is_there_is_told_at_first(started: Watched) -> None:
    assert started.tells == 1


async def test_write_is_told(started: Watched) -> None:
    started.path.write_text("2")
    await started.until_read("2")


async def test_each_write_is_told(started: Watched) -> None:
    for content in ("2", "3", "4"):
        started.path.write_text(content)
        await started.until_read(content)


async def test_file_that_takes_the_place_of_the_old_one_is_told(started: Watched) -> None:
    for content in ("2", "3"):
        started.path.with_suffix(".new").write_text(content)
        started.path.with_suffix(".new").rename(started.path)
        await started.until_read(content)


async def test_file_of_an_editor_that_moves_the_old_one_away_is_told(started: Watched) -> None:
    for content in ("2", "3"):
        started.path.rename(started.path.with_suffix(".json~"))
        started.path.write_text(content)
        await started.until_read(content)


async def test_file_that_is_deleted_and_made_again_is_told(started: Watched) -> None:
    for content in ("2", "3"):
        started.path.unlink()
        await started.until_read(None)
        started.path.write_text(content)
        await started.until_read(content)


async def test_file_that_was_never_there_is_told(watched: Watched) -> None:
    watched.path.parent.mkdir()
    await watched.start()
    watched.path.write_text("1")
    await watched.until_read("1")


# What happens to its folders


async def test_folders_that_are_made_later_are_told(watch: Watch, tmp_path: Path) -> None:
    watched = watch(tmp_path / "a" / "b" / "c" / "values.json")
    await watched.start()

    watched.path.parent.mkdir(parents=True)
    watched.path.write_text("1")
    await watched.until_read("1")
    watched.path.write_text("2")
    await watched.until_read("2")


async def test_folder_that_is_deleted_and_made_again_is_told(started: Watched) -> None:
    for content in ("2", "3"):
        shutil.rmtree(started.path.parent)
        await started.until_read(None)
        started.path.parent.mkdir()
        started.path.write_text(content)
        await started.until_read(content)
        started.path.write_text(content * 2)
        await started.until_read(content * 2)


async def test_folder_that_takes_the_place_of_the_old_one_is_told(started: Watched) -> None:
    for content in ("2", "3"):
        new = started.path.parent.with_name("new")
        new.mkdir()
        (new / started.path.name).write_text(content)
        started.path.parent.rename(started.path.parent.with_name(f"old{content}"))
        new.rename(started.path.parent)
        await started.until_read(content)
        started.path.write_text(content * 2)
        await started.until_read(content * 2)


# Links


async def test_new_data_of_a_config_map_are_told(watched: Watched) -> None:
    config_map = ConfigMap(watched.path.parent)
    config_map.put("1")
    await watched.start()

    for content in ("2", "3", "4"):
        config_map.put(content)
        await watched.until_read(content)


async def test_config_map_that_is_mounted_later_is_told(watched: Watched) -> None:
    config_map = ConfigMap(watched.path.parent)
    await watched.start()

    for content in ("1", "2"):
        config_map.put(content)
        await watched.until_read(content)


async def test_file_that_a_link_leads_to_is_told(watched: Watched, tmp_path: Path) -> None:
    target = tmp_path / "else" / "target.json"
    for folder in (watched.path.parent, target.parent):
        folder.mkdir()
    target.write_text("1")
    watched.path.symlink_to("../else/target.json")
    await watched.start()

    target.write_text("2")
    await watched.until_read("2")
    target.with_suffix(".new").write_text("3")
    target.with_suffix(".new").rename(target)
    await watched.until_read("3")


async def test_link_that_is_made_to_lead_elsewhere_is_told(
    watched: Watched, tmp_path: Path
) -> None:
    watched.path.parent.mkdir()
    for content in ("1", "2"):
        (tmp_path / content).mkdir()
        (tmp_path / content / "target.json").write_text(content)
    watched.path.symlink_to(tmp_path / "1" / "target.json")
    await watched.start()

    watched.path.unlink()
    watched.path.symlink_to(tmp_path / "2" / "target.json")
    await watched.until_read("2")
    (tmp_path / "2" / "target.json").write_text("22")
    await watched.until_read("22")


async def test_file_behind_a_link_that_led_nowhere_is_told(
    watched: Watched, tmp_path: Path
) -> None:
    watched.path.parent.mkdir()
    watched.path.symlink_to(tmp_path / "else" / "target.json")
    await watched.start()

    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "target.json").write_text("1")
    await watched.until_read("1")


async def test_relative_path_is_watched(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    watched = watch(Path("values.json"))
    await watched.start()

    watched.path.write_text("1")
    await watched.until_read("1")


# What the kernel does not tell


class ScriptedNotify:
    """Tells what a test says, instead of what the kernel does."""

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.opened = 0
        self.closed = 0

    def __call__(self, folders: list[str], **_: object) -> "ScriptedNotify":
        self.opened += 1
        return self

    def watch(self, _1: int, _2: int, timeout: int, should_stop: threading.Event) -> Any:
        if self.script:
            answer = self.script.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        should_stop.wait(timeout / 1000)
        return "timeout"

    def close(self) -> None:
        self.closed += 1


async def test_what_happens_to_other_files_is_not_told(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = watch(tmp_path / "values.json")
    path = str(watched.path)
    other = {(1, f"{path}.new"), (2, f"{tmp_path}/other")}
    notify = ScriptedNotify(other, other, {*other, (2, path)})
    monkeypatch.setattr(file_watch, "RustNotify", notify)
    await watched.start()

    await watched.until(lambda: not notify.script and watched.tells > 1)
    assert watched.tells == 2


async def test_folder_is_seen_now_and_then_if_nothing_tells_of_it(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify = ScriptedNotify()
    monkeypatch.setattr(file_watch, "RustNotify", notify)
    watched = watch(tmp_path / "folder" / "values.json", NOW_AND_THEN)
    await watched.start()

    (tmp_path / "folder").mkdir()
    await watched.until(lambda: notify.opened == 2)
    await watched.watch.stop()

    assert notify.closed == 2


async def test_folder_that_has_the_inode_of_one_that_is_gone_is_watched_all_the_same(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notify = ScriptedNotify({(3, str(tmp_path))}, {(1, str(tmp_path))})
    monkeypatch.setattr(file_watch, "RustNotify", notify)
    watched = watch(tmp_path / "values.json")
    await watched.start()

    await watched.until(lambda: notify.opened == 3)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("Error creating recommended watcher: Too many open files (os error 24)"),
        UnicodeEncodeError("utf-8", "/\udcff", 1, 2, "surrogates not allowed"),
    ],
)
async def test_watch_that_cannot_be_had_is_told_once_in_the_log_and_folders_are_looked_at(
    watch: Watch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(file_watch, "RustNotify", fail)
    watched = watch(tmp_path / "a" / "b" / "values.json", NOW_AND_THEN)
    await watched.start()
    for number, folder in enumerate([tmp_path / "a", tmp_path / "a" / "b"], start=2):
        folder.mkdir()
        await watched.until(lambda number=number: watched.tells == number)  # type: ignore[misc]

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == (
        f"{watched.path}: nothing tells when it changes ({error}); it is looked at now and then"
    )


async def test_watch_goes_on_where_the_library_fails_later(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    notify = ScriptedNotify(RuntimeError("error in underlying watcher"))
    monkeypatch.setattr(file_watch, "RustNotify", notify)
    watched = watch(tmp_path / "folder" / "values.json", NOW_AND_THEN)
    await watched.start()

    (tmp_path / "folder").mkdir()
    await watched.until(lambda: notify.opened == 2 and bool(caplog.records))

    assert len(caplog.records) == 1
    assert "error in underlying watcher" in caplog.text


async def test_watch_that_could_not_be_had_is_had_later(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tries = itertools.count()

    def fail_at_first(*arguments: Any, **options: Any) -> Any:
        if next(tries) < 3:
            raise OSError(24, "Too many open files")
        return RustNotify(*arguments, **options)

    monkeypatch.setattr(file_watch, "RustNotify", fail_at_first)
    monkeypatch.setattr(file_watch, "RETRY_INTERVAL", NOW_AND_THEN)
    watched = watch(tmp_path / "values.json")
    await watched.start()
    await watched.until(lambda: "the kernel tells again" in caplog.text)

    watched.path.write_text("1")
    await watched.until_read("1")
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]


async def test_watch_that_fails_says_so(
    watch: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: Path) -> Way:
        raise KeyError("folder")

    monkeypatch.setattr(Way, "to", fail)
    watched = watch(tmp_path / "values.json")
    watched.watch.start()

    def is_told() -> bool:
        return f"{watched.path}: nothing tells any more when it changes" in caplog.text

    await asyncio.to_thread(wait_until, is_told, TIMEOUT)


# The end


async def test_stop_leaves_no_thread_behind(started: Watched) -> None:
    assert watch_threads() != []

    await started.watch.stop()

    await asyncio.to_thread(wait_until, lambda: not watch_threads(), TIMEOUT)


async def test_stop_does_not_wait_for_a_file_system_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, may_go_on = threading.Event(), threading.Event()

    def hang(_: Path) -> Way:
        hangs.set()
        may_go_on.wait(TIMEOUT)
        return Way(frozenset())

    monkeypatch.setattr(Way, "to", hang)
    watch = FileWatch(tmp_path / "values.json", NEVER, lambda: None)
    watch.start()
    await asyncio.to_thread(hangs.wait, TIMEOUT)

    await watch.stop()
    assert "file-watch" in watch_threads()
    may_go_on.set()


async def test_stop_before_the_start_is_harmless(tmp_path: Path) -> None:
    await FileWatch(tmp_path / "values.json", NEVER, lambda: None).stop()
