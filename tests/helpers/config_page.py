"""The page of the config service, as a person uses it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from playwright.sync_api import Locator, Page, expect

from tests.functional.test_config_service import TOKEN, Admin
from tests.helpers.service_process import ServiceProcess

WRONG_TOKEN = "a-token-that-nobody-has"

KNOWN: dict[str, dict[str, Any]] = {
    "LIMIT": {
        "schema": {"type": "integer", "minimum": 1, "maximum": 100},
        "default": 10,
        "description": "How many at a time.",
    },
    "SWITCH": {"schema": {"type": "boolean"}, "default": False, "description": "Whether."},
    "COLOUR": {"schema": {"enum": ["red", "green"]}, "default": "red", "description": "Which."},
    "NAME": {"schema": {"type": "string"}, "default": "", "description": "Who."},
    "OPTIONS": {
        "schema": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "minimum": 1, "description": "How large."},
                "names": {"type": "array", "items": {"type": "string"}},
            },
            "additionalProperties": False,
        },
        "default": {},
        "description": "All the rest.",
    },
}


def hand_in(admin: Admin, *services: str) -> None:
    """Make services known, with the variables above."""
    for service in services:
        body = {"service": service, "variables": KNOWN}
        assert admin.request("POST", "/configs/schemas", json=body).status_code == 200


def effective(admin: Admin, name: str, service: str = "chat") -> object:
    return admin.poll(service=service)["configs"].get(name)


class ConfigPage:
    """The page in a browser.

    Args:
        page: The browser's.
        service: The config service.
    """

    def __init__(self, page: Page, service: ServiceProcess) -> None:
        self.page = page
        self.url = service.http_url

    def open(self, name: str = "", **place: str) -> None:
        """Go to a variable, or to where the place says, and wait until it is there."""
        parts = {**place, **({"name": name} if name else {})}
        self.page.goto(f"{self.url}/#{urlencode(parts)}")
        if name:
            expect(self.page.get_by_role("heading", name=name, exact=True)).to_be_visible()
            expect(self.field).to_be_visible()

    @property
    def field(self) -> Locator:
        return self.page.get_by_label("New value")

    @property
    def field_errors(self) -> Locator:
        return self.page.locator("#field-errors")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def said(self) -> Locator:
        return self.page.locator("#said-text")

    @property
    def notice(self) -> Locator:
        return self.dialog.locator("#review-notice")

    def rows(self) -> Locator:
        return self.page.get_by_role("list", name="Variables").get_by_role("listitem")

    def row(self, name: str) -> Locator:
        return self.rows().filter(has=self.page.get_by_text(name, exact=True))

    def levels(self) -> Locator:
        return self.page.locator("#levels > li")

    def changes(self) -> Locator:
        return self.page.locator("#variable-changes > li")

    def all_changes(self) -> Locator:
        return self.page.locator("#all-changes > li")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def type(self, text: str) -> None:
        """Put a text into the field, and review it."""
        self.field.fill(text)
        self.button("Review...").click()

    def confirm(self, why: str = "a reason", button: str = "Save", token: str = TOKEN) -> None:
        """Give the reason, and the token if it is asked for, and press the button."""
        self.dialog.get_by_label("Reason").fill(why)
        if self.dialog.get_by_label("Token").is_visible():
            self.dialog.get_by_label("Token").fill(token)
        self.dialog.get_by_role("button", name=button, exact=True).click()

    def set(self, text: str, why: str = "a reason") -> None:
        """Set the value of the field, and wait until that is said."""
        self.type(text)
        self.confirm(why)
        expect(self.said).to_contain_text("is set for")
