"""A change on the page reaches the services: chats that take their values from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from tests.functional.test_config_service import HAND_IN_TOKEN
from tests.helpers.config_page import ConfigPage
from tests.helpers.service_process import (
    START_TIMEOUT,
    Section,
    ServiceProcess,
    components_of,
    original_config,
    running_service,
    wait_until,
)

NAME = "WEBSOCKET_LIMITS"
MESSAGE = "twenty characters..."


def chat_config(url: str, name: str) -> Section:
    """Return the original's config, of a service that asks a config service every second."""
    document = original_config()
    components = components_of(document)
    components["dynamic-config"]["updates-enabled"] = True
    components["dynamic-config-client"] = {
        "config-url": url,
        "service-name": name,
        "http-timeout": "5s",
        "http-retries": 3,
        "register-schemas": True,
        "token": HAND_IN_TOKEN,
    }
    components["dynamic-config-client-updater"] = {"update-interval": "1s"}
    return document


def takes(service: ServiceProcess) -> bool:
    """Return whether the service takes the message; if not, it says that it is too long."""
    with connect(f"{service.ws_url}/chat", open_timeout=START_TIMEOUT) as chat:
        chat.send(MESSAGE)
        try:
            return chat.recv(timeout=START_TIMEOUT) == MESSAGE
        except ConnectionClosedError:
            if chat.close_code != 1009:
                raise
            return False


def test_change_on_the_page_and_its_roll_back_reach_two_chats(
    config_page: ConfigPage, tmp_path: Path
) -> None:
    folders = {name: tmp_path / name for name in ("chat", "mail")}
    for folder in folders.values():
        folder.mkdir()
    chat_is, mail_is = (chat_config(config_page.url, name) for name in folders)
    with (
        running_service(folders["chat"], chat_is) as chat,
        running_service(folders["mail"], mail_is) as mail,
    ):
        services = (chat, mail)
        assert all(map(takes, services))
        config_page.open(NAME)
        # They have told so themselves.
        expect(config_page.page.get_by_text("Known to: chat, mail.")).to_be_visible()

        config_page.type(limits(0))
        config_page.confirm("a mistake")
        expect(config_page.field_errors).to_contain_text(
            "websocket-handler.max-remote-payload: expected at least 1 (got 0)"
        )
        assert all(map(takes, services))

        config_page.set(limits(10), "short messages only")
        wait_until(lambda: not any(map(takes, services)), START_TIMEOUT)

        config_page.button("Roll back to revision 1...").click()
        config_page.dialog.get_by_label("As it was").select_option("before revision 1")
        config_page.confirm("nobody can say anything", "Roll back")
        expect(config_page.said).to_contain_text("Revision 2: rolled back, 1 change.")
        wait_until(lambda: all(map(takes, services)), START_TIMEOUT)


def limits(payload: int) -> str:
    return json.dumps({"websocket-handler": {"max-remote-payload": payload}}, indent=2)
