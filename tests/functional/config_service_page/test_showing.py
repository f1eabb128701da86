"""The page shows values, where they come from, and who has set them; whatever they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import Page, expect

from tests.functional.test_config_service import AUTH, MODULE, Admin, shipped_config
from tests.helpers.config_page import WRONG_TOKEN, ConfigPage, hand_in
from tests.helpers.service_process import running_service


def test_variables_are_listed_with_value_source_default_and_author(
    config_page: ConfigPage, admin: Admin
) -> None:
    admin.set("LIMIT", 40, service="chat")

    config_page.open(service="chat")

    expect(config_page.rows()).to_have_count(5)
    expect(config_page.row("LIMIT")).to_contain_text("service chat")
    expect(config_page.row("LIMIT")).to_contain_text("40")
    expect(config_page.row("LIMIT")).to_contain_text("alice")
    expect(config_page.row("LIMIT")).to_contain_text("a test")
    expect(config_page.row("SWITCH")).to_contain_text("default")
    expect(config_page.row("SWITCH")).to_contain_text("false")
    expect(config_page.row("SWITCH")).to_contain_text("Whether.")


def test_list_is_narrowed_down_by_words_and_to_what_is_set(
    config_page: ConfigPage, admin: Admin
) -> None:
    admin.set("LIMIT", 40)
    config_page.open()
    expect(config_page.rows()).to_have_count(5)

    config_page.page.keyboard.press("/")
    config_page.page.keyboard.type("how many")
    expect(config_page.rows()).to_have_text([re.compile("LIMIT")])
    config_page.page.keyboard.press("Escape")
    expect(config_page.rows()).to_have_count(5)
    config_page.page.get_by_label("Only what is set").check()
    expect(config_page.rows()).to_have_text([re.compile("LIMIT")])
    expect(config_page.page.get_by_text("1 of 5 variables")).to_be_visible()


def test_levels_show_which_value_wins_and_who_does_not_get_it(
    config_page: ConfigPage, admin: Admin
) -> None:
    admin.set("LIMIT", 20)
    admin.set("LIMIT", 30, stage="testing")
    admin.set("LIMIT", 40, service="chat")

    config_page.open("LIMIT", service="chat", stage="testing")
    expect(config_page.levels()).to_contain_text(
        ["not set", "in effect", "overridden", "overridden", "default"]
    )
    expect(config_page.levels()).to_contain_text(["not set", "40", "30", "20", "10"])

    config_page.page.get_by_role("combobox", name="Service").select_option("all services")
    config_page.page.get_by_role("combobox", name="Stage").select_option("all stages")
    expect(config_page.levels()).to_contain_text(["20", "10"])
    elsewhere = config_page.page.locator("#elsewhere").get_by_role("listitem")
    expect(elsewhere).to_have_text(["stage testing 30", "service chat 40"])


HOSTILE = {
    "<img src=x onerror=\"document.title='broken'\">": "</script><b>bold</b>",
    "line\u2028separator": "right\u202eleft",
    "unicode": "Привет, 世界 \U0001f600",
    "long": "x" * 5000,
}
REASON = "<script>document.title='broken'</script> \u202e why"


def test_hostile_values_are_shown_as_text(config_page: ConfigPage, admin: Admin) -> None:
    body = {"value": HOSTILE, "why": REASON, "allow_unknown": True}
    path = "/admin/api/values/HOSTILE"
    assert admin.request("PUT", path, '"0"', json=body).status_code == 200

    config_page.open("HOSTILE")

    shown = config_page.levels().first
    expect(shown).to_contain_text("<img src=x onerror=")
    expect(shown).to_contain_text("</script><b>bold</b>")
    expect(shown).to_contain_text(r"line\u2028separator")
    expect(shown).to_contain_text(r"right\u202eleft")
    expect(shown).to_contain_text("Привет, 世界 😀")
    expect(shown).to_contain_text(r"<script>document.title='broken'</script> \u202e why")
    expect(config_page.changes()).to_contain_text(["</script><b>bold</b>"])
    expect(config_page.row("HOSTILE")).to_contain_text("<img src=x")
    expect(config_page.page).to_have_title("HOSTILE - config service")
    assert config_page.page.locator("img, main script, #rows b b").count() == 0
    assert json.loads(config_page.field.input_value()) == HOSTILE
    assert config_page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_with_reads_only_for_tokens_nothing_is_shown_before_one_is_given(
    page: Page, tmp_path: Path
) -> None:
    document = shipped_config(tmp_path, reads="token")
    with running_service(tmp_path, document, module=MODULE) as configs:
        admin = Admin(configs)
        hand_in(admin, "chat")
        config_page = ConfigPage(page, configs)
        page.goto(configs.http_url)
        token = page.get_by_label("Token, to see what is set")
        expect(token).to_be_focused()
        expect(config_page.rows()).to_have_count(0)

        token.fill(WRONG_TOKEN)
        token.press("Enter")
        expect(page.locator("#needed-error")).to_have_text("nobody has this token")
        token.fill(AUTH["Authorization"].removeprefix("Bearer "))
        token.press("Enter")

        expect(config_page.rows()).to_have_count(5)
        expect(token).to_be_hidden()
        config_page.button("Forget token").click()
        expect(token).to_be_visible()
        expect(page.get_by_role("main")).to_be_hidden()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"$ref": "#"}},
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        {"anyOf": [{"$ref": "#"}] * 1000},
        {"type": "object", "properties": {"inner": {"$ref": "#"}}},
    ],
)
def test_variable_whose_schema_is_within_itself_is_shown(
    config_page: ConfigPage, admin: Admin, schema: dict[str, object]
) -> None:
    body = {"service": "tree", "variables": {"TREE": {"schema": schema}}}
    assert admin.request("POST", "/configs/schemas", json=body).status_code == 200
    broken: list[str] = []
    config_page.page.on("pageerror", lambda error: broken.append(error.message))

    config_page.open("TREE")

    expect(config_page.page.get_by_text("Expected: ")).to_be_visible()
    assert broken == []
