"""The config service, and chat services that take their values from it: all of them processes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config_updates.schemas import variables_schemas
from app.kit_variables import KIT_VARIABLES
from tests.functional.test_config_service import MODULE, Admin, shipped_config
from tests.helpers.service_process import (
    START_TIMEOUT,
    Section,
    ServiceProcess,
    components_of,
    free_port,
    running_service,
    wait_until,
)
from tests.services.config_showing import PATH, showing_config

FOLLOWER = "tests.services.config_showing"
NAME = "USERVER_LOG_REQUEST_HEADERS"


@pytest.fixture
def configs(tmp_path: Path) -> Iterator[ServiceProcess]:
    folder = tmp_path / "configs"
    folder.mkdir()
    with running_service(folder, shipped_config(folder), module=MODULE) as service:
        yield service


@pytest.fixture
def admin(configs: ServiceProcess) -> Admin:
    return Admin(configs)


def following_config(url: str, name: str, **sections: Section) -> Section:
    """Return the config of a chat service of this name that asks a config service."""
    document = showing_config()
    components = components_of(document)
    components["dynamic-config"]["updates-enabled"] = True
    components["dynamic-config-client"] = {
        "config-url": url,
        "service-name": name,
        "http-timeout": "5s",
        "http-retries": 1,
    }
    components["dynamic-config-client-updater"] = {"update-interval": "50ms"}
    for section, options in sections.items():
        components[section.replace("_", "-")].update(options)
    return document


def value(service: ServiceProcess, name: str = NAME) -> Any:
    answer = httpx.get(service.http_url + PATH, timeout=START_TIMEOUT)
    return answer.json()["values"][name]


def reaches(wanted: object, *services: ServiceProcess) -> None:
    """Wait until all services have a value."""
    wait_until(lambda: all(value(each) == wanted for each in services), START_TIMEOUT)


def test_change_and_roll_back_reach_two_services_and_an_override_one(
    configs: ServiceProcess, admin: Admin, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("chat", "mail")}
    for folder in folders.values():
        folder.mkdir()
    chat_config, mail_config = (following_config(configs.http_url, name) for name in folders)
    with (
        running_service(folders["chat"], chat_config, module=FOLLOWER) as chat,
        running_service(folders["mail"], mail_config, module=FOLLOWER) as mail,
    ):
        reaches(False, chat, mail)

        assert admin.set(NAME, True).status_code == 200
        reaches(True, chat, mail)

        assert admin.set(NAME, False, service="chat").status_code == 200
        reaches(False, chat)
        assert value(mail) is True

        body = {"revision": 0, "why": "back"}
        rolled = admin.request("POST", "/admin/api/rollback", '"2"', json=body)
        assert rolled.status_code == 200
        reaches(False, chat, mail)


def test_value_that_a_service_would_refuse_never_gets_there(
    configs: ServiceProcess, admin: Admin
) -> None:
    """What a service hands in decides; here it is handed in for one."""
    schemas = variables_schemas(KIT_VARIABLES)
    variables = {name: each.model_dump(by_alias=True) for name, each in schemas.items()}
    body = {"service": "chat", "variables": variables}
    assert admin.request("POST", "/configs/schemas", json=body).json() == {"misfits": []}

    refused = admin.set(NAME, "yes", service="chat")

    assert (refused.status_code, refused.json()["code"]) == (422, "refused")
    assert refused.json()["message"].startswith(
        "expected true or false (got 'yes') (as handed in by "
    )
    assert admin.poll(service="chat")["configs"] == {}


def test_service_goes_on_and_starts_again_while_the_config_service_is_away(
    tmp_path: Path,
) -> None:
    port = free_port()
    folder, cache = tmp_path / "chat", tmp_path / "cache.json"
    folder.mkdir()
    kept: Section = {"fs-cache-path": str(cache), "fs-task-processor": "fs-task-processor"}
    config = following_config(f"http://127.0.0.1:{port}", "chat", dynamic_config=kept)
    document = shipped_config(tmp_path)
    with running_service(tmp_path, document, port=port, module=MODULE) as configs:
        Admin(configs).set(NAME, True)
        with running_service(folder, config, module=FOLLOWER) as chat:
            reaches(True, chat)
            wait_until(lambda: json.loads(cache.read_text()).get(NAME) is True, START_TIMEOUT)
            configs.stop()
            chat.wait_for_line("the dynamic config was not updated, its values stay")
            assert value(chat) is True
    with running_service(folder, config, module=FOLLOWER) as chat:
        assert value(chat) is True
        with running_service(tmp_path, document, port=port, module=MODULE) as configs:
            admin = Admin(configs)
            admin.set(NAME, False, admin.get(NAME).headers["ETag"])
            reaches(False, chat)
