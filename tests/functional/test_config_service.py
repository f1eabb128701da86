"""The config service as a process: from outside, by HTTP."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from tests.helpers.markdown import blocks_of
from tests.helpers.service_process import (
    PROJECT,
    Section,
    ServiceProcess,
    components_of,
    running_service,
    write_config,
)

MODULE: Final = "app.config_service"
TOKEN: Final = "a-token-for-tests-only"
HAND_IN_TOKEN: Final = "a-token-of-services-only"
AUTH: Final = {"Authorization": f"Bearer {TOKEN}"}
TIMEOUT: Final = 20.0
PAGE: Final = PROJECT / "docs" / "config_service.md"


def shipped_config(folder: Path, workers: int = 1, **store: Any) -> Section:
    """Return the static config that comes with the project, with its file in a folder."""
    document: Section = yaml.safe_load((PROJECT / "config" / "config_service.yaml").read_text())
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = workers
    section = components_of(document)["config-store"]
    tokens = {"tokens": {"alice": TOKEN}, "hand-in-tokens": {"services": HAND_IN_TOKEN}}
    section.update({"path": str(folder / "config.sqlite3"), **tokens, **store})
    return document


class Admin:
    """Somebody with a token. One for each thread; each request comes over a new connection."""

    def __init__(self, service: ServiceProcess) -> None:
        self._client = httpx.Client(base_url=service.http_url, timeout=TIMEOUT)

    def request(self, method: str, path: str, seen: str | None = None, **options: Any) -> Any:
        # So that any of the worker processes may be the one that answers.
        headers = {**AUTH, "Connection": "close", **({"If-Match": seen} if seen else {})}
        return self._client.request(method, path, headers=headers, **options)

    def get(self, name: str) -> httpx.Response:
        answer: httpx.Response = self.request("GET", f"/admin/api/values/{name}")
        return answer

    def set(self, name: str, value: object, seen: str = '"0"', **level: str) -> httpx.Response:
        body = {"value": value, "why": "a test", "allow_unknown": True}
        path = f"/admin/api/values/{name}"
        answer: httpx.Response = self.request("PUT", path, seen, params=level, json=body)
        return answer

    def poll(self, **asked: Any) -> Any:
        answer = self.request("POST", "/configs/values", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def history(self) -> list[dict[str, Any]]:
        """Return all changes, the first one first."""
        changes: list[dict[str, Any]] = []
        before: int | None = 2**60
        while before is not None:
            query = {"limit": 500, "before": before}
            page = self.request("GET", "/admin/api/history", params=query).json()
            changes += page["changes"]
            before = page["next_before"]
        return changes[::-1]


@pytest.fixture(scope="module", params=[1, 2], ids=["one-worker", "two-workers"])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("config")
    document = shipped_config(folder, request.param)
    with running_service(folder, document, module=MODULE) as service:
        yield service


def test_value_is_set_overridden_and_rolled_back(service: ServiceProcess) -> None:
    admin = Admin(service)
    schema = {"type": "integer", "minimum": 1, "maximum": 100}
    variables = {"LIMIT": {"schema": schema, "default": 10, "description": "A limit."}}
    body = {"service": "chat", "variables": variables}
    assert admin.request("POST", "/configs/schemas", json=body).json() == {"misfits": []}

    first = admin.set("LIMIT", 20)
    assert first.status_code == 200
    known = admin.poll(service="chat")
    assert known["configs"]["LIMIT"] == 20

    assert admin.set("LIMIT", 30, service="chat").status_code == 200
    assert admin.set("LIMIT", 40, service="chat", stage="testing").status_code == 200
    news = admin.poll(service="chat", updated_since=known["updated_at"])
    assert news["configs"] == {"LIMIT": 30}
    assert admin.poll(service="chat", stage_name="testing")["configs"]["LIMIT"] == 40
    assert admin.poll(service="mail")["configs"]["LIMIT"] == 20

    refused = admin.set("LIMIT", 0, first.headers["ETag"])
    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    assert refused.json()["errors"][0]["text"] == "expected at least 1 (got 0)"

    revision = first.json()["revision"]
    latest = admin.request("GET", "/admin/api/history").headers["ETag"]
    back = {"revision": revision, "why": "too much"}
    rolled = admin.request("POST", "/admin/api/rollback", latest, json=back)
    assert rolled.status_code == 200, rolled.text
    assert [each["previous"] for each in rolled.json()["changes"]] == [30, 40]
    after = admin.poll(service="chat", updated_since=news["updated_at"])
    assert after["configs"] == {"LIMIT": 20}
    service.wait_for_line(r"revision \d+: alice removed LIMIT for service 'chat': too much")


def test_two_writers_lose_no_update(service: ServiceProcess) -> None:
    """Each adds to what it has seen; one of two who have seen the same is told to look again."""
    times, writers = 25, 4
    Admin(service).set("COUNTER", 0)
    late = threading.Semaphore(0)

    def add(writer: int) -> list[int]:
        admin = Admin(service)
        made: list[int] = []
        while len(made) < times:
            seen = admin.get("COUNTER")
            answer = admin.set("COUNTER", seen.json()["value"] + 1, seen.headers["ETag"])
            if answer.status_code == 200:
                made.append(answer.json()["revision"])
            else:
                assert answer.status_code == 412
                late.release()
        return made

    with ThreadPoolExecutor(writers) as pool:
        made = [revision for each in pool.map(add, range(writers)) for revision in each]

    assert Admin(service).get("COUNTER").json()["value"] == times * writers
    assert len(set(made)) == times * writers
    assert late.acquire(timeout=0)  # they did get in each other's way
    history = Admin(service).history()
    assert [each["revision"] for each in history] == list(range(1, len(history) + 1))
    values = [each["value"] for each in history if each["name"] == "COUNTER"]
    assert values == list(range(times * writers + 1))


def test_of_those_who_have_seen_the_same_exactly_one_wins(service: ServiceProcess) -> None:
    seen = Admin(service).set("CONTESTED", "nobody").headers["ETag"]
    barrier = threading.Barrier(8)

    def try_it(number: int) -> int:
        admin = Admin(service)
        barrier.wait(TIMEOUT)
        return admin.set("CONTESTED", number, seen).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(try_it, range(8)))

    assert statuses == {200: 1, 412: 7}


def test_what_one_worker_has_written_is_what_each_of_them_answers(service: ServiceProcess) -> None:
    admin = Admin(service)
    seen = '"0"'
    for number in range(20):
        seen = admin.set("SHARED", number, seen).headers["ETag"]
        answers = [admin.poll(ids=["SHARED"])["configs"] for _ in range(4)]
        assert answers == [{"SHARED": number}] * 4


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer nobody-has-this-token"}, 401),
        (AUTH, 428),
        ({**AUTH, "If-Match": '"0"', "Content-Type": "text/plain"}, 415),
    ],
)
def test_change_that_may_not_be_made_gets_a_clear_answer(
    service: ServiceProcess, headers: dict[str, str], status: int
) -> None:
    answer = httpx.put(
        f"{service.http_url}/admin/api/values/X",
        headers={"Content-Type": "application/json", **headers},
        content='{"value": 1, "why": "a test"}',
        timeout=TIMEOUT,
    )

    assert answer.status_code == status
    assert answer.json()["message"]
    assert ("www-authenticate" in answer.headers) == (status == 401)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_json"),
        (b"\xff", 400, "bad_json"),
        (b'{"ids": 5}', 400, "bad_request"),
        (b" " * (2 << 20), 413, "too_large"),
    ],
)
def test_bad_poll_gets_a_clear_answer(
    service: ServiceProcess, body: bytes, status: int, code: str
) -> None:
    answer = httpx.post(f"{service.http_url}/configs/values", content=body, timeout=TIMEOUT)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_restart_and_kill_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    document = shipped_config(tmp_path)
    kept = 0
    seen = '"0"'
    for _ in range(3):
        with running_service(tmp_path, document, module=MODULE) as service:
            admin = Admin(service)
            found = admin.get("COUNTER")
            assert found.json().get("value", 0) >= kept
            kept, seen = found.json().get("value", 0), found.headers["ETag"]
            killer = threading.Timer(0.2, os.killpg, [service.process.pid, signal.SIGKILL])
            killer.start()
            try:
                while True:
                    answer = admin.set("COUNTER", kept + 1, seen)
                    kept, seen = answer.json()["value"], answer.headers["ETag"]
            except httpx.TransportError:
                killer.join()
    assert kept > 0
    with running_service(tmp_path, document, module=MODULE) as service:
        assert Admin(service).get("COUNTER").json()["value"] >= kept
        history = Admin(service).history()
        assert [each["revision"] for each in history] == list(range(1, len(history) + 1))
        assert service.stop() == 0
    assert not (tmp_path / "config.sqlite3-wal").exists()  # it was closed in good order


def test_two_services_on_one_file_see_each_other(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    document = shipped_config(tmp_path)
    with (
        running_service(folders[0], document, module=MODULE) as one,
        running_service(folders[1], document, module=MODULE) as other,
    ):
        seen = Admin(one).set("A", 1).headers["ETag"]
        known = Admin(other).poll()
        assert known["configs"] == {"A": 1}
        assert Admin(other).set("A", 2, seen).status_code == 200
        assert Admin(one).set("A", 3, seen).status_code == 412
        news = Admin(one).poll(updated_since=known["updated_at"])
        assert news["configs"] == {"A": 2}


def test_backup_that_is_put_back_reaches_who_knows_later_changes(tmp_path: Path) -> None:
    document = shipped_config(tmp_path)
    file, backup = tmp_path / "config.sqlite3", tmp_path / "backup.sqlite3"
    with running_service(tmp_path, document, module=MODULE) as service:
        admin = Admin(service)
        seen = admin.set("A", 1).headers["ETag"]
        # What `.backup` of sqlite3 does.
        with sqlite3.connect(file) as source, sqlite3.connect(backup) as target:
            source.backup(target)
        source.close()
        target.close()
        admin.set("A", 2, seen)
        admin.set("B", 2)
        known = admin.poll(ids=["A", "B"])
        service.stop()
    shutil.copy(backup, file)
    with running_service(tmp_path, document, module=MODULE) as service:
        news = Admin(service).poll(ids=["A", "B"], updated_since=known["updated_at"])

    assert (news["configs"], news["removed"]) == ({"A": 1}, ["B"])
    assert news["updated_at"] >= known["updated_at"]


def run(folder: Path, document: Section, *arguments: str) -> "subprocess.CompletedProcess[str]":
    config = write_config(folder, document)
    command = [sys.executable, "-m", MODULE, "-c", str(config), *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)


def test_file_that_cannot_be_used_keeps_it_from_starting_and_says_why(tmp_path: Path) -> None:
    document = shipped_config(tmp_path)
    components_of(document)["server"]["listener"]["port"] = 0
    with sqlite3.connect(tmp_path / "config.sqlite3") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    done = run(tmp_path, document)

    assert done.returncode == 1
    assert "config.sqlite3: written by a later version of the config service" in done.stderr
    assert "Traceback" not in done.stderr


def test_config_that_ships_is_good_and_makes_no_file(tmp_path: Path) -> None:
    done = run(tmp_path, shipped_config(tmp_path), "--check-config")

    assert done.returncode == 0, done.stderr
    assert "config-values: /configs/values (POST)" in done.stdout
    assert "warnings" not in done.stdout
    assert not (tmp_path / "config.sqlite3").exists()


@pytest.mark.parametrize("token", ["short", 1234567890123456])
def test_bad_token_is_not_shown(tmp_path: Path, token: object) -> None:
    done = run(tmp_path, shipped_config(tmp_path, tokens={"alice": token}), "--check-config")

    assert done.returncode == 1
    assert "config-store.tokens.alice: expected" in done.stderr
    assert str(token) not in done.stderr


def test_options_are_documented(tmp_path: Path) -> None:
    schema = run(tmp_path, shipped_config(tmp_path), "--print-config-schema")
    reference = run(tmp_path, shipped_config(tmp_path), "--print-static-config-reference")

    assert '"config-store"' in schema.stdout
    assert "### `config-store`" in reference.stdout


def test_examples_of_the_page_are_as_it_says(tmp_path: Path) -> None:
    (block,) = [each for each in blocks_of(PAGE.read_text()) if each.info == ("console",)]
    document = shipped_config(tmp_path, tokens={"admin": TOKEN})
    with running_service(tmp_path, document, module=MODULE) as service:
        steps = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
        setting = ""
        for step in steps:
            command, _, expected = step.replace("8083", str(service.port)).partition("\n")
            done = subprocess.run(
                ["bash", "-c", f"{setting}\n{command}"],
                env={**os.environ, "CONFIG_SERVICE_TOKEN": TOKEN},
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
            )
            if not expected:
                setting = command
            pattern = re.escape(expected.rstrip()).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, done.stdout), f"{command}\n{done.stdout}{done.stderr}"
