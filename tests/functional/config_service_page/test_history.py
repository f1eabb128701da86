"""The page shows the history, and rolls back: what that changes is shown before."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import expect

from tests.functional.test_config_service import Admin
from tests.helpers.config_page import ConfigPage, effective


def test_history_has_who_when_why_and_both_values(config_page: ConfigPage, admin: Admin) -> None:
    first = admin.set("LIMIT", 20)
    admin.set("LIMIT", 30, first.headers["ETag"])
    admin.set("SWITCH", True, service="chat")

    config_page.open(view="history")

    expect(config_page.all_changes()).to_contain_text(
        ["SWITCH for service chat", "LIMIT for everybody", "LIMIT for everybody"]
    )
    newest_limit = config_page.all_changes().nth(1)
    expect(newest_limit).to_contain_text("alice")
    expect(newest_limit).to_contain_text("revision\u00a02")
    expect(newest_limit).to_contain_text("a test")
    expect(newest_limit.locator("time")).to_have_count(1)
    expect(newest_limit.locator("del")).to_have_text("20")
    expect(newest_limit.locator("ins")).to_have_text("30")
    config_page.all_changes().nth(0).get_by_role("link", name="SWITCH").click()
    expect(config_page.page.get_by_role("heading", name="Value for service chat")).to_be_visible()
    expect(config_page.changes()).to_have_count(1)


def test_history_that_is_long_comes_page_by_page(config_page: ConfigPage, admin: Admin) -> None:
    seen = '"0"'
    for number in range(60):
        seen = admin.set("LIMIT", number + 1, seen).headers["ETag"]
    config_page.open("LIMIT")
    expect(config_page.changes()).to_have_count(50)

    config_page.button("Older changes").click()

    expect(config_page.changes()).to_have_count(60)
    expect(config_page.button("Older changes")).to_be_hidden()


def test_one_variable_is_rolled_back_and_nothing_else(
    config_page: ConfigPage, admin: Admin
) -> None:
    first = admin.set("LIMIT", 20)
    admin.set("SWITCH", True)
    admin.set("LIMIT", 30, first.headers["ETag"])
    config_page.open("LIMIT")

    config_page.button("Roll back to revision 1...").click()
    what = config_page.dialog.get_by_role("combobox", name="What", exact=True)
    expect(what).to_have_value("LIMIT for everybody")
    expect(config_page.dialog.locator(".change")).to_have_text(["LIMIT for everybody30 \u2192 20"])
    config_page.confirm("20 was good", "Roll back")

    expect(config_page.said).to_contain_text("Revision 4: rolled back, 1 change.")
    expect(config_page.field).to_have_value("20")
    expect(config_page.changes().first).to_contain_text("20 was good")
    assert effective(admin, "LIMIT") == 20
    assert effective(admin, "SWITCH") is True


def test_everything_is_rolled_back_to_before_a_change(
    config_page: ConfigPage, admin: Admin
) -> None:
    admin.set("LIMIT", 20)
    admin.set("SWITCH", True)
    admin.set("LIMIT", 40, service="chat")
    config_page.open(view="history")

    config_page.button("Roll back to revision 2...").click()
    changes = config_page.dialog.locator(".change")
    expect(changes).to_have_text(["LIMIT for service chat40 \u2192 not set"])
    config_page.dialog.get_by_label("As it was").select_option("before revision 2")
    expect(changes).to_have_text(
        ["LIMIT for service chat40 \u2192 not set", "SWITCH for everybodytrue \u2192 not set"]
    )
    config_page.confirm("all wrong", "Roll back")

    expect(config_page.said).to_contain_text("rolled back, 2 changes.")
    expect(config_page.all_changes()).to_have_count(5)
    assert admin.poll(service="chat")["configs"] == {"LIMIT": 20}


def test_what_is_so_already_cannot_be_rolled_back(config_page: ConfigPage, admin: Admin) -> None:
    admin.set("LIMIT", 20)
    config_page.open(view="history")

    config_page.button("Roll back to revision 1...").click()

    expect(config_page.dialog).to_contain_text("Nothing: all is so already.")
    expect(config_page.button("Roll back")).to_have_attribute("aria-disabled", "true")


def test_roll_back_shows_anew_what_it_would_change_if_somebody_was_faster(
    config_page: ConfigPage, admin: Admin
) -> None:
    first = admin.set("LIMIT", 20)
    admin.set("LIMIT", 30, first.headers["ETag"])
    config_page.open(view="history")
    config_page.button("Roll back to revision 1...").click()
    expect(config_page.dialog.locator(".change")).to_have_count(1)

    admin.set("SWITCH", True)
    config_page.confirm("back", "Roll back")

    expect(config_page.notice).to_contain_text("nothing is rolled back yet")
    expect(config_page.dialog.locator(".change")).to_have_count(2)
    assert effective(admin, "SWITCH") is True
    config_page.confirm("back, all the same", "Roll back")
    expect(config_page.said).to_contain_text("rolled back, 2 changes.")
    assert effective(admin, "SWITCH") is None
    assert effective(admin, "LIMIT") == 20


def test_value_that_would_not_fit_any_more_is_named_where_it_is_rolled_back(
    config_page: ConfigPage, admin: Admin
) -> None:
    admin.set("OLD", "a text")
    admin.set("OLD", 5, '"1"')
    known = {"OLD": {"schema": {"type": "integer"}}}
    body = {"service": "mail", "variables": known}
    assert admin.request("POST", "/configs/schemas", json=body).status_code == 200
    config_page.open("OLD")

    config_page.button("Roll back to revision 1...").click()
    config_page.confirm("back", "Roll back")

    expect(config_page.notice).to_have_text("OLD: expected a whole number (got 'a text') (mail)")
    assert effective(admin, "OLD", "mail") == 5
