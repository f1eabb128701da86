"""The page changes values: what is typed is checked, looked at again, and saved."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import expect

from tests.functional.test_config_service import TOKEN, Admin
from tests.helpers.config_page import WRONG_TOKEN, ConfigPage, effective
from tests.helpers.service_process import ServiceProcess


def test_value_is_set_for_a_stage_that_nobody_has_named_before(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("SWITCH")

    config_page.page.get_by_role("combobox", name="Stage").select_option("another stage...")
    config_page.page.get_by_label("Name of the stage").fill("-no-")
    config_page.button("Choose").click()
    expect(config_page.page.locator("#other-error")).to_contain_text("does not begin with")
    config_page.page.get_by_label("Name of the stage").fill("canary")
    config_page.button("Choose").click()
    expect(config_page.page.get_by_role("heading", name="Value for stage canary")).to_be_visible()
    config_page.field.select_option("true")
    config_page.button("Review...").click()
    config_page.confirm()

    expect(config_page.said).to_have_text(
        "Revision 1: SWITCH is set for stage canary. Services get it at their next update."
    )
    assert admin.poll(service="chat", stage_name="canary")["configs"] == {"SWITCH": True}
    assert effective(admin, "SWITCH") is None


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("OPTIONS", '{\n  "size": 1,\n  size: 2}', "line 3, column 3", "a key in double quotes"),
        ("LIMIT", "ten", "line 1, column 1", "a text stands in double quotes"),
        ("LIMIT", "", "line 1, column 1", "a value is missing here"),
    ],
)
def test_what_is_no_json_is_told_beside_the_field_with_its_place(
    config_page: ConfigPage, name: str, text: str, place: str, words: str
) -> None:
    config_page.open(name)

    config_page.type(text)

    expect(config_page.field_errors).to_contain_text(place)
    expect(config_page.field_errors).to_contain_text(words)
    expect(config_page.field).to_have_attribute("aria-invalid", "true")
    expect(config_page.field).to_be_focused()
    expect(config_page.field).to_have_value(text)
    expect(config_page.dialog).to_be_hidden()


def test_bad_value_is_refused_with_the_error_beside_the_field(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("OPTIONS", service="chat")

    config_page.type('{\n  "size": 0,\n  "names": ["a", 5]\n}')
    config_page.confirm("a trial")

    expect(config_page.dialog).to_be_hidden()
    errors = config_page.field_errors.get_by_role("listitem")
    expect(errors).to_have_text(
        [
            "size: expected at least 1 (got 0) (chat) line 2, column 11",
            "names.1: expected a text (got 5) (chat) line 3, column 18",
        ]
    )
    expect(config_page.field).to_be_focused()
    assert effective(admin, "OPTIONS") is None
    config_page.button("line 3, column 18").click()
    assert config_page.field.evaluate("area => area.value.slice(area.selectionStart)")[0] == "5"

    config_page.type('{"size": 1}')
    expect(config_page.dialog.get_by_label("Reason")).to_have_value("a trial")
    config_page.confirm("a trial")
    expect(config_page.said).to_contain_text("OPTIONS is set for service chat")
    expect(errors).to_have_count(0)
    assert effective(admin, "OPTIONS") == {"size": 1}


def test_number_out_of_bounds_is_refused_and_the_bounds_stand_beside_it(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("LIMIT")
    expect(
        config_page.page.get_by_text("Expected: a whole number, at least 1, at most 100.")
    ).to_be_visible()

    config_page.type("101")
    config_page.confirm()

    expect(config_page.field_errors).to_have_text("expected at most 100 (got 101) (chat, mail)")
    assert effective(admin, "LIMIT") is None


def test_difference_and_who_is_reached_are_shown_before_it_is_saved(
    config_page: ConfigPage, admin: Admin
) -> None:
    admin.set("LIMIT", 20)
    admin.set("LIMIT", 30, service="mail")
    config_page.open("LIMIT")

    config_page.type("50")

    expect(config_page.dialog.locator("del")).to_have_text("20")
    expect(config_page.dialog.locator("ins")).to_have_text("50")
    expect(config_page.dialog).to_contain_text("Reaches chat, mail.")
    expect(config_page.dialog).to_contain_text("service mail: 30")
    config_page.button("Cancel").click()
    assert effective(admin, "LIMIT") == 20


def test_reason_is_required(config_page: ConfigPage, admin: Admin) -> None:
    config_page.open("LIMIT")
    config_page.type("50")

    config_page.confirm("  ")

    expect(config_page.dialog).to_contain_text("Say why")
    expect(config_page.dialog.get_by_label("Reason")).to_be_focused()
    assert effective(admin, "LIMIT") is None


def test_wrong_token_is_told_at_the_token_and_a_good_one_is_asked_for_once(
    config_page: ConfigPage, admin: Admin, configs: ServiceProcess
) -> None:
    urls: list[str] = []
    config_page.page.on("request", lambda request: urls.append(request.url))
    config_page.open("LIMIT")
    config_page.type("50")

    config_page.confirm("a reason", token=WRONG_TOKEN)
    expect(config_page.dialog.locator("#token-error")).to_have_text("nobody has this token")
    expect(config_page.dialog.get_by_label("Token")).to_be_focused()
    expect(config_page.dialog.get_by_label("Reason")).to_have_value("a reason")
    config_page.confirm("a reason")
    expect(config_page.said).to_contain_text("Revision 1")

    config_page.type("51")
    expect(config_page.dialog.get_by_label("Token")).to_be_hidden()
    config_page.confirm()
    expect(config_page.said).to_contain_text("Revision 2")
    assert config_page.page.evaluate("Object.values(localStorage)") == []
    assert config_page.page.evaluate("document.cookie") == ""
    assert not [url for url in urls if TOKEN in url or WRONG_TOKEN in url]
    assert TOKEN not in configs.log()
    config_page.button("Forget token").click()
    assert config_page.page.evaluate("Object.values(sessionStorage)") == []
    config_page.type("52")
    expect(config_page.dialog.get_by_label("Token")).to_be_visible()


def test_variable_that_no_service_knows_is_set_only_if_that_is_wanted(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open()
    config_page.page.get_by_label("Filter").fill("GREETING")
    config_page.page.get_by_role("link", name="Set GREETING, which no service knows").click()

    config_page.type('"hello"')
    config_page.confirm()
    expect(config_page.field_errors).to_contain_text("no service knows 'GREETING'")
    assert effective(admin, "GREETING") is None

    config_page.type('"hello"')
    config_page.dialog.get_by_label("Set it unchecked").check()
    config_page.confirm()
    expect(config_page.said).to_contain_text("GREETING is set for everybody")
    assert effective(admin, "GREETING") == "hello"


def test_override_is_removed_and_what_holds_then_is_told(
    config_page: ConfigPage, admin: Admin
) -> None:
    admin.set("LIMIT", 20)
    admin.set("LIMIT", 40, service="chat")
    config_page.open("LIMIT", service="chat")

    config_page.button("Remove...").click()
    expect(config_page.dialog).to_contain_text("Then the value for everybody holds: 20")
    config_page.confirm("no need any more", "Remove")

    expect(config_page.said).to_contain_text("Revision 3: LIMIT is removed for service chat")
    expect(config_page.levels()).to_contain_text(["not set", "in effect", "default"])
    expect(config_page.field).to_have_value("20")
    assert effective(admin, "LIMIT") == 20
    # Where something was removed, something can be set again.
    config_page.set("41")
    assert effective(admin, "LIMIT") == 41


def test_numbers_keep_all_of_their_digits(config_page: ConfigPage, admin: Admin) -> None:
    admin.set("BIG", {"id": 9007199254740993, "share": 2.0})
    config_page.open("BIG")
    expect(config_page.field).to_have_value('{\n  "id": 9007199254740993,\n  "share": 2.0\n}')

    config_page.type('{"id": 9007199254740993, "share": 2.50}')
    config_page.dialog.get_by_label("Set it unchecked").check()
    config_page.confirm()

    expect(config_page.said).to_contain_text("Revision 2")
    assert effective(admin, "BIG") == {"id": 9007199254740993, "share": 2.5}
    config_page.field.fill('{"id":9007199254740995}')
    config_page.button("Format").click()
    expect(config_page.field).to_have_value('{\n  "id": 9007199254740995\n}')


def test_text_is_typed_without_quotes_or_as_json(config_page: ConfigPage, admin: Admin) -> None:
    config_page.open("NAME")

    config_page.set('say "hi" \\o/')
    assert effective(admin, "NAME") == 'say "hi" \\o/'
    expect(config_page.field).to_have_value(json.dumps('say "hi" \\o/'))

    config_page.set('"plain"')
    assert effective(admin, "NAME") == "plain"
    expect(config_page.field).to_have_value("plain")
    config_page.page.get_by_label("As JSON").check()
    expect(config_page.field).to_have_value('"plain"')
