"""What services hand in to the config service when they start: all of them processes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from app.kit_variables import KIT_VARIABLES
from tests.functional.test_config_service import HAND_IN_TOKEN, MODULE, TOKEN, Admin, shipped_config
from tests.helpers.service_process import (
    PROJECT,
    START_TIMEOUT,
    Section,
    ServiceProcess,
    components_of,
    free_port,
    original_config,
    running_service,
    wait_until,
    write_config,
)

NAME: Final = "USERVER_LOG_REQUEST_HEADERS"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the file of the config service is; those of the others are beside it."""
    folder = tmp_path / "configs"
    folder.mkdir()
    return folder


@pytest.fixture
def configs(folder: Path) -> Iterator[ServiceProcess]:
    with running_service(folder, shipped_config(folder), module=MODULE) as service:
        yield service


@pytest.fixture
def admin(configs: ServiceProcess) -> Admin:
    return Admin(configs)


def chat_config(url: str, name: str = "chat", workers: int = 1, **client: object) -> Section:
    """Return the config of a chat service of this name that asks a config service."""
    document = original_config()
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = workers
    components = components_of(document)
    components["dynamic-config"]["updates-enabled"] = True
    components["dynamic-config-client"] = {
        "config-url": url,
        "service-name": name,
        "http-timeout": "5s",
        "http-retries": 1,
        "token": HAND_IN_TOKEN,
        **{key.replace("_", "-"): value for key, value in client.items()},
    }
    components["dynamic-config-client-updater"] = {"update-interval": "50ms"}
    return document


def known(admin: Admin) -> dict[str, set[str]]:
    """Return the services, and the variables that each has handed in."""
    answer = admin.request("GET", "/admin/api/variables").json()
    found: dict[str, set[str]] = {each["name"]: set() for each in answer["services"]}
    for variable in answer["variables"]:
        for each in variable["services"]:
            found[each["service"]].add(variable["name"])
    return found


def put(admin: Admin, value: object, name: str = NAME, seen: str = '"0"', **level: str) -> Any:
    body = {"value": value, "why": "a test"}
    return admin.request("PUT", f"/admin/api/values/{name}", seen, params=level, json=body)


ALL: Final = {each.name for each in KIT_VARIABLES}


def test_services_hand_in_at_start_what_values_are_checked_by(
    configs: ServiceProcess, admin: Admin, tmp_path: Path
) -> None:
    (mail_folder := tmp_path / "mail").mkdir()
    chat_document = chat_config(configs.http_url, workers=4, register_schemas=True)
    mail_document = chat_config(configs.http_url, "mail", register_schemas=True)
    with (
        running_service(tmp_path, chat_document) as chat,
        running_service(mail_folder, mail_document) as mail,
    ):
        wait_until(lambda: known(admin) == {"chat": ALL, "mail": ALL}, START_TIMEOUT)
        line = f"/configs/schemas: the schemas of {len(ALL)} variables are handed in"
        wait_until(lambda: chat.log().count(line) == 4, START_TIMEOUT)

        for level in ({}, {"service": "chat"}, {"service": "mail", "stage": "testing"}):
            refused = put(admin, "yes", **level)
            assert (refused.status_code, refused.json()["code"]) == (422, "refused")
            assert refused.json()["message"].startswith(
                "expected true or false (got 'yes') (as handed in by "
            )
        assert put(admin, "yes").json()["errors"][0]["services"] == ["chat", "mail"]
        assert put(admin, True, NAME + "S").status_code == 422
        assert put(admin, True).status_code == 200
        chat.wait_for_line(f"dynamic config updated.*changed={NAME}")
        mail.wait_for_line(f"dynamic config updated.*changed={NAME}")

    log = configs.log()
    assert log.count("service 'chat' has handed in") == 1
    assert log.count("service 'mail' has handed in") == 1


def test_value_that_was_set_before_and_is_not_good_is_told_to_the_service(
    configs: ServiceProcess, admin: Admin, tmp_path: Path
) -> None:
    assert admin.set(NAME, "yes", service="chat", stage="testing").status_code == 200
    document = chat_config(configs.http_url, register_schemas=True)
    with running_service(tmp_path, document) as chat:
        chat.wait_for_line(
            f"level=WARNING.*/configs/schemas: {NAME}, set for service 'chat' on stage 'testing',"
            r" is not good here: expected true or false \(got 'yes'\)"
        )


def test_value_that_keeps_the_service_on_its_fallback_values_is_told_by_name(
    configs: ServiceProcess, admin: Admin, tmp_path: Path
) -> None:
    assert admin.set(NAME, "yes").status_code == 200
    document = chat_config(configs.http_url, register_schemas=True)
    updater = components_of(document)["dynamic-config-client-updater"]
    updater["first-update-fail-ok"] = True
    with running_service(tmp_path, document) as chat:
        chat.wait_for_line(f"{NAME}, set for all services, is not good here")
        assert put(admin, True, seen='"1"').status_code == 200
        chat.wait_for_line("the dynamic config can be updated again")


def test_schemas_arrive_when_the_config_service_is_back(folder: Path, tmp_path: Path) -> None:
    port, url_of = free_port(), "http://127.0.0.1:{}".format
    cache = {"fs-cache-path": str(tmp_path / "cache"), "fs-task-processor": "fs-task-processor"}
    document = chat_config(url_of(port))
    components_of(document)["dynamic-config"] |= cache
    configs_document = shipped_config(folder)
    with running_service(folder, configs_document, port=port, module=MODULE) as configs:
        assert Admin(configs).set(NAME, True).status_code == 200
        with running_service(tmp_path, document) as chat:
            chat.wait_for_line(f"dynamic config updated.*changed={NAME}")
            wait_until((tmp_path / "cache").exists, START_TIMEOUT)
        # Nothing was handed in: that was not wanted.
        assert known(Admin(configs)) == {}

    components_of(document)["dynamic-config-client"]["register-schemas"] = True
    with running_service(tmp_path, document) as chat:
        chat.wait_for_line("level=WARNING.*register-schemas.* are not handed in yet: http")
        with running_service(folder, configs_document, port=port, module=MODULE) as configs:
            wait_until(lambda: known(Admin(configs)) == {"chat": ALL}, START_TIMEOUT)
            chat.wait_for_line("the schemas of .* variables are handed in")


def test_hand_in_needs_a_token_that_nobody_sees(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{HAND_IN_TOKEN}\n")
    with running_service(folder, shipped_config(folder), module=MODULE) as configs:
        document = chat_config(configs.http_url, register_schemas=True)
        del components_of(document)["dynamic-config-client"]["token"]
        with running_service(tmp_path, document) as chat:
            chat.wait_for_line("/configs/schemas: answered 401: .*a token is required.*see token")
        assert known(Admin(configs)) == {}

        client = components_of(document)["dynamic-config-client"]
        client["token#file"] = str(tmp_path / "token")
        with running_service(tmp_path, document) as chat:
            wait_until(lambda: known(Admin(configs)) == {"chat": ALL}, START_TIMEOUT)
            chat.wait_for_line("the schemas of .* variables are handed in")
            components_of(document)["server"]["listener"]["port"] = 0
            checked = run("app", "--check-config", "-c", str(write_config(tmp_path, document)))
        assert checked.returncode == 0
        assert HAND_IN_TOKEN not in chat.log() + configs.log() + checked.stdout + checked.stderr


def test_token_that_is_none_is_not_shown(tmp_path: Path) -> None:
    document = chat_config("http://127.0.0.1:9", token="a secret with blanks")

    checked = run("app", "--check-config", "-c", str(write_config(tmp_path, document)))

    assert checked.returncode == 1
    assert "dynamic-config-client.token: expected 16 to 1000 characters" in checked.stderr
    assert "secret" not in checked.stderr


def run(module: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {key: each for key, each in os.environ.items() if key != "STATIC_CONFIG"}
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT,
        env={
            **environment,
            "CONFIG_SERVICE_TOKEN": TOKEN,
            "CONFIG_HAND_IN_TOKEN": HAND_IN_TOKEN,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


# The command line of the config service.


def test_config_service_has_a_static_config_and_a_help_of_its_own() -> None:
    checked, told = run(MODULE, "--check-config"), run(MODULE, "--help")

    assert checked.stdout.startswith(f"{PROJECT}/config/config_service.yaml: good\n")
    assert checked.stderr == ""
    assert told.stdout.startswith("usage: python -m app.config_service [-h]")
    defaults = "by default $STATIC_CONFIG, else config/config_service.yaml"
    assert defaults in " ".join(told.stdout.split())
