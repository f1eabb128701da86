"""Values from a config service, as a service's users see them arrive."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.test_daemon import children
from tests.helpers.fake_config_service import FakeConfigService
from tests.helpers.service_process import (
    START_TIMEOUT,
    Section,
    ServiceProcess,
    components_of,
    free_port,
    running_service,
    wait_until,
    write_config,
)
from tests.helpers.service_process import STOP_TIMEOUT as TIMEOUT
from tests.services.config_showing import PATH, showing_config

MODULE = "tests.services.config_showing"

CACHE: dict[str, Any] = {"fs-task-processor": "fs-task-processor"}

Shown = dict[str, Any]


@pytest.fixture
def configs() -> Iterator[FakeConfigService]:
    with FakeConfigService() as service:
        service.set("USERVER_LOG_REQUEST", False)
        yield service


def updated_config(
    configs: FakeConfigService,
    *,
    workers: int = 1,
    client: Section | None = None,
    updater: Section | None = None,
    **dynamic_config: object,
) -> Section:
    """Return a config that takes its values from a config service."""
    document = showing_config()
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = workers
    sections = components_of(document)
    sections["dynamic-config"].update({"updates-enabled": True, **dynamic_config})
    sections["dynamic-config-client"] = {
        "config-url": configs.url,
        "service-name": "websocket-server",
        "http-timeout": "5s",
        "http-retries": 1,
        **(client or {}),
    }
    sections["dynamic-config-client-updater"] = {"update-interval": "50ms", **(updater or {})}
    return document


def shown(service: ServiceProcess) -> Shown:
    """Return what one of the worker processes shows."""
    found: Shown = httpx.get(service.http_url + PATH, timeout=START_TIMEOUT).json()
    return found


def wait_until_shown(
    service: ServiceProcess, condition: Callable[[Shown], object], workers: int = 1
) -> Shown:
    """Wait until so many worker processes show that, and return what one of them did."""
    seen: dict[int, Shown] = {}

    def all_have_seen_it() -> bool:
        try:
            found = shown(service)
        except httpx.TransportError:
            return False  # the worker that was asked has just ended
        if condition(found):
            seen[found["process_id"]] = found
        return len(seen) == workers

    wait_until(all_have_seen_it, START_TIMEOUT)
    return next(iter(seen.values()))


def has(name: str, value: object) -> Callable[[Shown], bool]:
    """Return whether a worker process shows that a variable has this value."""
    return lambda now: bool(now["values"][name] == value)


def failed_start(folder: Path, document: Section) -> tuple[int, str]:
    """Return the exit code and the output of a service that does not start."""
    command = [sys.executable, "-m", MODULE, "-c", str(write_config(folder, document))]
    with ServiceProcess(command) as service:
        code = service.wait(START_TIMEOUT)
        return code, service.log()


def test_values_and_their_changes_arrive_in_each_worker(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    configs.set("USERVER_LOG_REQUEST_HEADERS", True, service="websocket-server")
    document = updated_config(configs, workers=2)
    with running_service(tmp_path, document, module=MODULE) as service:
        first = wait_until_shown(service, has("USERVER_LOG_REQUEST", False), workers=2)
        assert first["origin"] == f"{configs.url}/configs/values"
        assert first["revision"] == configs.now
        assert first["values"]["USERVER_LOG_REQUEST_HEADERS"] is True

        configs.set("BAGGAGE_SETTINGS", {"allowed_keys": ["user"]})
        allowed = {"allowed_keys": ["user"]}
        wait_until_shown(service, has("BAGGAGE_SETTINGS", allowed), 2)

        configs.remove("BAGGAGE_SETTINGS")
        fallback: Shown = {"allowed_keys": []}
        wait_until_shown(service, has("BAGGAGE_SETTINGS", fallback), 2)

    service.wait_for_line("dynamic config updated.*changed=BAGGAGE_SETTINGS")
    assert {each.document["service"] for each in configs.asked} == {"websocket-server"}


def test_requests_to_the_config_service_are_not_logged(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    with running_service(tmp_path, updated_config(configs), module=MODULE) as service:
        configs.wait_for_requests(3)
    log = service.log()

    assert "level=DEBUG" in log or "level=INFO" in log
    assert "HTTP Request" not in log
    assert "httpcore" not in log


def test_bad_value_is_refused_and_the_good_one_arrives(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    document = updated_config(configs, workers=2)
    with running_service(tmp_path, document, module=MODULE) as service:
        before = wait_until_shown(service, lambda now: now["revision"], workers=2)["revision"]
        configs.set("USERVER_LOG_REQUEST_HEADERS", True)
        configs.set("BAGGAGE_SETTINGS", {"allowed_keys": [7]})

        refused = wait_until_shown(service, lambda now: now["error"], workers=2)
        assert refused["error"] == (
            f"{configs.url}/configs/values: BAGGAGE_SETTINGS.allowed_keys.0:"
            " expected a text (got 7)"
        )
        assert refused["revision"] == before
        assert refused["values"]["USERVER_LOG_REQUEST_HEADERS"] is False

        configs.set("BAGGAGE_SETTINGS", {"allowed_keys": ["7"]})
        good = wait_until_shown(service, lambda now: not now["error"], workers=2)
        assert good["revision"] == configs.now
        assert good["values"]["USERVER_LOG_REQUEST_HEADERS"] is True

    service.wait_for_line("the dynamic config was not updated, its values stay")
    service.wait_for_line("the dynamic config can be updated again")


FAILING: dict[str, Callable[[FakeConfigService], None]] = {
    "hang": FakeConfigService.hang,
    "cut": FakeConfigService.cut,
    "drip": FakeConfigService.drip,
    "status": lambda configs: configs.fail(503),
    "garbage": lambda configs: configs.send(b"<html>"),
    "away": FakeConfigService.go_away,
}


def test_service_goes_on_while_the_config_service_fails(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    document = updated_config(configs, client={"http-timeout": "300ms"})
    with running_service(tmp_path, document, module=MODULE) as service:
        for number, fail in enumerate(FAILING.values()):
            fail(configs)
            failed = wait_until_shown(service, lambda now: now["error"])
            assert failed["values"]["USERVER_LOG_REQUEST"] is False

            configs.work()
            if fail is FakeConfigService.go_away:
                configs.come_back()
            wanted = {"allowed_keys": [str(number)]}
            configs.set("BAGGAGE_SETTINGS", wanted)
            wait_until_shown(service, has("BAGGAGE_SETTINGS", wanted))


def test_stop_does_not_wait_for_a_config_service_that_hangs(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    document = updated_config(configs, client={"http-timeout": "1h"})
    with running_service(tmp_path, document, module=MODULE) as service:
        configs.hang()
        configs.wait_for_requests(1)

        assert service.stop() == 0

    assert "still stopping" not in service.log()


def test_cache_lets_the_service_start_while_the_config_service_is_away(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    cache = tmp_path / "new folder" / "cache.json"
    document = updated_config(configs, workers=2, **{**CACHE, "fs-cache-path": str(cache)})
    with running_service(tmp_path, document, module=MODULE) as service:
        configs.set("USERVER_LOG_REQUEST_HEADERS", True)
        wait_until(lambda: cache.exists() and "HEADERS" in cache.read_text(), TIMEOUT)
    assert json.loads(cache.read_text()) == configs.values_for()

    configs.go_away()
    with running_service(tmp_path, document, module=MODULE) as service:
        found = wait_until_shown(service, lambda now: now["error"], workers=2)
        assert found["origin"] == f"cache {cache}"
        assert found["values"]["USERVER_LOG_REQUEST_HEADERS"] is True
        service.wait_for_line(f"dynamic config updated.*origin=cache {cache}")

        configs.come_back()
        wait_until_shown(service, lambda now: now["origin"].startswith("http"), workers=2)


def test_service_does_not_start_without_values_and_says_what_to_do(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    configs.go_away()
    cache = str(tmp_path / "cache.json")
    document = updated_config(configs, workers=2, **{**CACHE, "fs-cache-path": cache})

    code, output = failed_start(tmp_path, document)

    assert code == 1
    assert (
        "component 'dynamic-config-client-updater' could not start: there are no values to start"
        f" with: {configs.url}/configs/values: Connection refused; see config-url, and whether the"
        f" config service is there; cache: {cache}: No such file or directory."
    ) in output
    assert (
        "or let the service start with its fallback values: 'first-update-fail-ok: true'" in output
    )
    assert "Traceback" not in output


def test_service_does_not_start_with_a_bad_value(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    configs.set("BAGGAGE_SETTINGS", 7)

    code, output = failed_start(tmp_path, updated_config(configs))

    assert code == 1
    assert "/configs/values: BAGGAGE_SETTINGS: expected a mapping (got 7)" in output


def test_service_starts_with_fallback_values_where_that_is_wanted(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    configs.go_away()
    document = updated_config(configs, updater={"first-update-fail-ok": True})
    with running_service(tmp_path, document, module=MODULE) as service:
        found = shown(service)
        assert found["origin"] == "fallback values"
        assert found["values"]["USERVER_LOG_REQUEST"] is True
        service.wait_for_line("the service starts with its fallback values: http")

        configs.come_back()
        wait_until_shown(service, has("USERVER_LOG_REQUEST", False))


def restart(service: ServiceProcess) -> None:
    """Replace the worker: when the old one has gone, it is known that the new one serves."""
    old = str(shown(service)["process_id"])
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: old not in children(service.process.pid), START_TIMEOUT)


def kill_worker(service: ServiceProcess) -> None:
    os.kill(shown(service)["process_id"], signal.SIGKILL)


def test_workers_that_get_no_values_start_with_growing_pauses_until_there_are_some(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    with running_service(tmp_path, updated_config(configs), module=MODULE) as service:
        restart(service)
        configs.go_away()
        kill_worker(service)
        for seconds in (1, 2):
            service.wait_for_line(rf"worker \[\d+\] had not served: the next starts in {seconds} s")
        configs.come_back()
        wait_until_shown(service, has("USERVER_LOG_REQUEST", False))

        # One that has served is replaced at once.
        restart(service)
        kill_worker(service)
        wait_until_shown(service, has("USERVER_LOG_REQUEST", False))
        assert service.log().count("had not served") == 2


def test_signal_to_leave_is_obeyed_while_no_worker_gets_values(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    with running_service(tmp_path, updated_config(configs), module=MODULE) as service:
        restart(service)
        configs.go_away()
        kill_worker(service)
        service.wait_for_line("had not served")

        assert service.stop() == 0


def test_start_takes_no_longer_than_its_attempts_while_the_config_service_hangs(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    configs.hang()
    document = updated_config(configs, client={"http-timeout": "100ms", "http-retries": 3})

    code, output = failed_start(tmp_path, document)

    assert code == 1
    assert "no whole answer within 100ms, see http-timeout (attempts: 3)" in output


def test_start_with_a_cache_makes_one_attempt_while_the_config_service_hangs(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    cache = tmp_path / "cache.json"
    cache.write_text('{"USERVER_LOG_REQUEST": false}')
    configs.hang()
    document = updated_config(
        configs,
        client={"http-timeout": "300ms", "http-retries": 100},
        updater={"update-interval": "1d", "update-jitter": "0s"},
        **{**CACHE, "fs-cache-path": str(cache)},
    )
    with running_service(tmp_path, document, module=MODULE) as service:
        found = wait_until_shown(service, has("USERVER_LOG_REQUEST", False))
        assert found["origin"] == f"cache {cache}"
        assert "no whole answer within 300ms" in found["error"]
        assert len(configs.asked) == 1


def test_revision_that_brings_nothing_new_is_shown_by_each_worker(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    document = updated_config(configs, workers=2)
    with running_service(tmp_path, document, module=MODULE) as service:
        before = wait_until_shown(service, lambda now: now["revision"] == configs.now, workers=2)
        configs.set("USERVER_LOG_REQUEST", True, service="another")
        assert configs.now != before["revision"]

        wait_until_shown(service, lambda now: now["revision"] == configs.now, workers=2)


def test_bad_value_stays_told_while_the_config_service_answers_with_what_is_older(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    """As one of several does that is behind the others."""
    document = updated_config(configs)
    with running_service(tmp_path, document, module=MODULE) as service:
        wait_until_shown(service, lambda now: now["revision"] == configs.now)
        configs.set("BAGGAGE_SETTINGS", 7)
        wait_until_shown(service, lambda now: now["error"])

        configs.step_clock(-500)
        service.wait_for_line("passed over, until the next full update")
        configs.wait_for_requests(3)

        assert "BAGGAGE_SETTINGS: expected a mapping (got 7)" in shown(service)["error"]
    assert "can be updated again" not in service.log()


def test_values_of_the_cache_may_be_read_by_nobody_else(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    """There may be a password in them."""
    configs.set("USERVER_HTTP_PROXY", "user:secret@127.0.0.1:9")
    cache = tmp_path / "cache.json"
    document = updated_config(configs, **{**CACHE, "fs-cache-path": str(cache)})
    with running_service(tmp_path, document, module=MODULE):
        wait_until(lambda: cache.exists() and "secret" in cache.read_text(), TIMEOUT)

    assert cache.stat().st_mode & 0o077 == 0


def test_proxy_that_is_away_is_what_is_told(configs: FakeConfigService, tmp_path: Path) -> None:
    proxy = f"127.0.0.1:{free_port()}"
    configs.set("USERVER_HTTP_PROXY", f"user:secret@{proxy}")
    document = updated_config(configs, client={"fallback-to-no-proxy": False})
    with running_service(tmp_path, document, module=MODULE) as service:
        found = wait_until_shown(service, lambda now: now["error"])

    assert found["error"] == (
        f"{configs.url}/configs/values through the proxy http://{proxy} (USERVER_HTTP_PROXY):"
        " Connection refused; see whether the proxy is there"
    )


def test_proxy_that_the_config_service_names_is_used_and_done_without_when_it_fails(
    configs: FakeConfigService, tmp_path: Path
) -> None:
    document = updated_config(configs)
    with (
        FakeConfigService() as proxy,
        running_service(tmp_path, document, module=MODULE) as service,
    ):
        configs.set("USERVER_HTTP_PROXY", f"user:secret@127.0.0.1:{proxy.port}")
        assert proxy.wait_for_total(1).target == f"{configs.url}/configs/values"

        proxy.fail(502)
        configs.set("USERVER_HTTP_PROXY", "")
        wait_until_shown(service, has("USERVER_HTTP_PROXY", ""))
        service.wait_for_line(
            r"the proxy is done without: http://\S+ through the proxy http://127\.0\.0\.1:[0-9]+"
            r" \(USERVER_HTTP_PROXY\): answered 502"
        )
        assert "secret" not in service.log()
