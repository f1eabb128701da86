"""Values from a file that is watched, and SIGUSR2, as a service's users see them."""

import contextlib
import hashlib
import json
import mmap
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.test_daemon import children
from tests.functional.test_servers import UVICORN
from tests.helpers.config_map import ConfigMap
from tests.helpers.log_lines import Line, parsed
from tests.helpers.service_process import (
    START_TIMEOUT,
    Section,
    ServiceProcess,
    components_of,
    original_config,
    running_command,
    running_service,
    wait_until,
    wait_until_answers,
    write_config,
)
from tests.helpers.service_process import STOP_TIMEOUT as TIMEOUT
from tests.services.config_showing import PATH, showing_config

MODULE = "tests.services.config_showing"
UPDATER = "dynamic-config-file-updater"
WORKERS = 2

Shown = dict[str, Any]


def with_updater(
    document: Section, path: Path, workers: int = 1, options: Section | None = None
) -> Section:
    """Return a config with an updater that only the kernel and signals tell of changes."""
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = workers
    sections = components_of(document)
    sections["dynamic-config"]["updates-enabled"] = True
    sections[UPDATER] = {"path": str(path), "check-interval": "1h", **(options or {})}
    return document


def content(size: object) -> str:
    """Return a file of values of which one, that of a cache nobody has, is `size`."""
    settings = {"lifetime-ms": 0, "size": size}
    return json.dumps({"USERVER_LRU_CACHES": {"nobody's": settings}}, indent=1)


def size_in(shown: Shown) -> int | None:
    size: int | None = shown["values"]["USERVER_LRU_CACHES"].get("nobody's", {}).get("size")
    return size


def put_unnoticed(path: Path, text: str) -> None:
    """Change a file in a way that the kernel tells nobody of; the length has to be the same."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        mapped[:] = text.encode()


def wait_until_all_show(
    service: ServiceProcess, condition: Callable[[Shown], bool], workers: int = WORKERS
) -> Shown:
    """Wait until so many workers, all that have answered, show that; return what the last did."""
    seen: dict[int, bool] = {}
    last: Shown = {}

    def all_do() -> bool:
        last.update(httpx.get(service.http_url + PATH, timeout=START_TIMEOUT).json())
        seen[last["process_id"]] = condition(last)
        return len(seen) == workers and all(seen.values())

    wait_until(all_do, TIMEOUT)
    return last


def wait_until_all_have(service: ServiceProcess, size: int | None, workers: int = WORKERS) -> Shown:
    return wait_until_all_show(service, lambda shown: size_in(shown) == size, workers)


def lines_of(service: ServiceProcess, text: str) -> list[Line]:
    return [line for line in parsed(service.log()) if line["text"].startswith(text)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("values").resolve()


@pytest.fixture(scope="module")
def updated_service(folder: Path) -> Iterator[ServiceProcess]:
    """A service with two workers, whose values are in `values.json`."""
    (folder / "values.json").write_text(content(1))
    document = with_updater(showing_config(), folder / "values.json", WORKERS)
    with running_service(folder, document, module=MODULE) as service:
        wait_until_all_have(service, 1)
        yield service
        assert "died" not in service.log()
        assert service.stop() == 0


@pytest.fixture
def path(updated_service: ServiceProcess, folder: Path) -> Path:
    """The file, with good values that all workers have."""
    path = folder / "values.json"
    path.write_text(content(1))
    wait_until_all_show(updated_service, lambda shown: size_in(shown) == 1 and not shown["error"])
    return path


# The file


def test_change_of_the_file_comes_to_all_workers(
    updated_service: ServiceProcess, path: Path
) -> None:
    path.write_text(content(2))

    shown = wait_until_all_have(updated_service, 2)

    assert shown["origin"] == str(path)
    assert shown["revision"] == hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    assert shown["error"] is None


def test_file_in_the_place_of_the_old_one_comes_to_all_workers(
    updated_service: ServiceProcess, path: Path
) -> None:
    for size in (2, 3):
        path.with_suffix(".new").write_text(content(size))
        path.with_suffix(".new").rename(path)
        wait_until_all_have(updated_service, size)


def test_variable_that_is_not_in_the_file_any_more_has_its_fallback_value(
    updated_service: ServiceProcess, path: Path
) -> None:
    path.write_text("{}")

    wait_until_all_have(updated_service, None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (content(0), "{path}:5: USERVER_LRU_CACHES.nobody's.size: "),
        ('{\n"USERVER_LRU_CACHE": {}}', "{path}:2: USERVER_LRU_CACHE: unknown variable; did you "),
        (content(2)[:-2], "{path}:7: not valid JSON: Expecting ',' delimiter"),
        ("", "{path}:1: not valid JSON: the file is empty"),
    ],
    ids=["value", "name", "half", "empty"],
)
def test_bad_file_is_refused_and_told_once_and_the_next_good_one_is_taken(
    updated_service: ServiceProcess, path: Path, text: str, said: str
) -> None:
    path.write_text(text)

    shown = wait_until_all_show(updated_service, lambda shown: bool(shown["error"]))
    assert shown["error"].startswith(said.format(path=path))
    assert size_in(shown) == 1
    told = f"the dynamic config was not updated, its values stay: {said.format(path=path)}"
    wait_until(lambda: len(lines_of(updated_service, told)) >= WORKERS, TIMEOUT)
    lines = lines_of(updated_service, told)
    assert len({line["process_id"] for line in lines}) == len(lines) == WORKERS
    assert {line["level"] for line in lines} == {"ERROR"}

    path.write_text(content(3))
    wait_until_all_show(updated_service, lambda shown: size_in(shown) == 3 and not shown["error"])


def test_values_stay_while_the_file_is_missing(updated_service: ServiceProcess, path: Path) -> None:
    path.unlink()

    shown = wait_until_all_show(updated_service, lambda shown: bool(shown["error"]))
    assert shown["error"] == f"{path}: No such file or directory"
    assert size_in(shown) == 1

    path.write_text(content(4))
    wait_until_all_have(updated_service, 4)


def test_good_file_in_the_place_of_a_pipe_is_taken(
    updated_service: ServiceProcess, path: Path
) -> None:
    path.unlink()
    os.mkfifo(path)
    shown = wait_until_all_show(updated_service, lambda shown: "a pipe" in (shown["error"] or ""))
    assert shown["error"] == f"{path}: a pipe or a device, expected a regular file"
    path.unlink()
    path.write_text(content(5))

    wait_until_all_show(updated_service, lambda shown: size_in(shown) == 5 and not shown["error"])


@pytest.mark.parametrize("name", ["values.json", "values.yaml"])
def test_config_map_that_is_mounted_is_followed(tmp_path: Path, name: str) -> None:
    config_map = ConfigMap(tmp_path / "mounted", name)
    config_map.put(content(1))
    document = with_updater(showing_config(), config_map.path, WORKERS)
    with running_service(tmp_path, document, module=MODULE) as service:
        for size in (2, 3, 4):
            config_map.put(content(size))
            wait_until_all_have(service, size)
        assert service.stop() == 0

    assert "ERROR" not in service.log()


def test_change_that_nothing_tells_of_is_found_by_the_check(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text(content(1))
    document = with_updater(showing_config(), path, options={"check-interval": "100ms"})
    with running_service(tmp_path, document, module=MODULE) as service:
        for size in (2, 3):
            put_unnoticed(path, content(size))
            wait_until_all_have(service, size, workers=1)


# The start


def test_service_without_the_file_does_not_start_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    config = write_config(tmp_path, with_updater(original_config(), path))
    with ServiceProcess([sys.executable, "-m", "app", "-c", str(config)]) as service:
        assert service.wait(START_TIMEOUT) == 1

    assert f"there are no values to start with: {path}: No such file or directory" in service.log()
    assert "first-update-fail-ok: true" in service.log()
    assert "Traceback" not in service.log()


def test_service_without_the_file_starts_with_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    document = with_updater(showing_config(), path)
    components_of(document)["dynamic-config"] |= {
        "fs-cache-path": str(tmp_path / "cache.json"),
        "fs-task-processor": "fs-task-processor",
    }
    path.write_text(content(5))
    with running_service(tmp_path, document, module=MODULE) as service:
        wait_until_all_have(service, 5, workers=1)
    path.unlink()
    with running_service(tmp_path, document, module=MODULE) as service:
        shown = wait_until_all_have(service, 5, workers=1)
        assert shown["origin"] == f"cache {tmp_path / 'cache.json'}"

        path.write_text(content(6))
        wait_until_all_have(service, 6, workers=1)


def test_service_may_start_without_the_file_which_may_come_later(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "values.json"
    document = with_updater(showing_config(), path, options={"first-update-fail-ok": True})
    with running_service(tmp_path, document, module=MODULE) as service:
        shown = wait_until_all_have(service, None, workers=1)
        assert "No such file" in shown["error"]

        path.parent.mkdir()
        path.write_text(content(7))
        wait_until_all_have(service, 7, workers=1)


# The end


def test_service_leaves_in_time_while_the_file_cannot_be_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text(content(1))
    document = with_updater(showing_config(), path, WORKERS)
    with running_service(tmp_path, document, module="tests.services.hanging_files") as service:
        wait_until_all_have(service, 1)
        (tmp_path / "hangs").touch()
        path.write_text(content(2))
        wait_until_all_show(service, lambda shown: "not read within 5 s" in (shown["error"] or ""))

        assert service.stop() == 0

    assert "did not leave in time" not in service.log()


# SIGUSR2


def pids_of(service: ServiceProcess) -> set[str]:
    return {line["process_id"] for line in lines_of(service, "Started server process")}


def test_signal_lets_all_workers_read_the_file_at_once(
    updated_service: ServiceProcess, path: Path
) -> None:
    told = re.compile(rf"SIGUSR2: {UPDATER} updates the dynamic config now")
    before = len(told.findall(updated_service.log()))
    put_unnoticed(path, content(8))
    updated_service.process.send_signal(signal.SIGUSR2)

    wait_until_all_have(updated_service, 8)
    wait_until(lambda: len(told.findall(updated_service.log())) >= before + WORKERS, TIMEOUT)

    log = parsed(updated_service.log())
    for pid in pids_of(updated_service):
        texts = [line["text"] for line in log if line["process_id"] == pid]
        assert f"SIGUSR2: {UPDATER} updates the dynamic config now" in texts


def test_storm_of_signals_harms_nobody(updated_service: ServiceProcess, path: Path) -> None:
    parent = updated_service.process.pid
    targets = [parent, *(int(pid) for pid in pids_of(updated_service))]
    for number in range(100):
        os.kill(targets[number % len(targets)], signal.SIGUSR2)
    for _ in range(100):
        os.killpg(parent, signal.SIGUSR2)
    put_unnoticed(path, content(9))
    updated_service.process.send_signal(signal.SIGUSR2)

    wait_until_all_have(updated_service, 9)
    assert len(pids_of(updated_service)) == WORKERS


def test_signal_harms_no_worker_that_is_just_starting(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text(content(1))
    document = with_updater(original_config(), path)
    command = [sys.executable, "-m", "app", "-c", str(write_config(tmp_path, document))]
    with ServiceProcess(command) as service:
        listening = service.wait_for_line(r"listening on https?://\S+?:(\d+)")
        service.port = int(listening.group(1))
        wait_until(lambda: bool(children(service.process.pid)), START_TIMEOUT)

        def serves_after_one_more_signal() -> bool:
            service.process.send_signal(signal.SIGUSR2)
            return "startup complete" in service.log()

        wait_until(serves_after_one_more_signal, START_TIMEOUT)
        wait_until_answers(service)
        assert service.stop() == 0

    assert "died" not in service.log()


def test_signal_harms_nobody_who_is_leaving(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text(content(1))
    document = with_updater(showing_config(), path, WORKERS)
    with running_service(tmp_path, document, module=MODULE) as service:
        wait_until_all_have(service, 1)
        service.process.send_signal(signal.SIGTERM)

        def has_left_after_one_more_signal() -> bool:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(service.process.pid, signal.SIGUSR2)
            return service.process.poll() is not None

        wait_until(has_left_after_one_more_signal, TIMEOUT)
        assert service.wait() == 0

    assert service.log().count("Application shutdown complete") == WORKERS


def test_signal_without_an_updater_harms_nobody(service: ServiceProcess) -> None:
    service.process.send_signal(signal.SIGUSR2)

    service.wait_for_line("SIGUSR2: nothing to do, no updater of the dynamic config has a section")
    assert httpx.get(service.http_url).status_code == 200


def test_signal_lets_an_application_under_uvicorn_read_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text(content(1))
    config = write_config(tmp_path, with_updater(original_config(), path))
    with running_command(UVICORN, config) as service:
        put_unnoticed(path, content(2))
        service.process.send_signal(signal.SIGUSR2)

        revision = hashlib.sha256(content(2).encode()).hexdigest()[:12]
        service.wait_for_line(f"text=dynamic config updated\t.*\trevision={revision}", TIMEOUT)
        for _ in range(100):
            service.process.send_signal(signal.SIGUSR2)
        assert httpx.get(service.http_url).status_code == 200


def test_signal_harms_no_application_under_uvicorn_without_an_updater(tmp_path: Path) -> None:
    config = write_config(tmp_path, original_config())
    with running_command(UVICORN, config) as service:
        service.process.send_signal(signal.SIGUSR2)

        service.wait_for_line("SIGUSR2: nothing to do", TIMEOUT)
        assert httpx.get(service.http_url).status_code == 200
