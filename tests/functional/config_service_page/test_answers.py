"""The page where answers do not come, or somebody else is faster: nothing typed is lost."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import Browser, Page, Response, Route, expect

from tests.functional.test_config_service import Admin
from tests.helpers.chromium import opened_page
from tests.helpers.config_page import ConfigPage, effective
from tests.helpers.service_process import ServiceProcess

LOOKS_EVERY_MS = 3000


def lose_the_next_change(page: Page, *, after: bool) -> None:
    """The next change gets no answer: it never arrives, or (`after`) it is made all the same."""
    left = ["PUT"]

    def lose(route: Route) -> None:
        if route.request.method not in left:
            return route.continue_()
        left.clear()
        if after:
            route.fetch()
        return route.abort()

    page.route("**/admin/api/values/*", lose)


def test_what_was_typed_stays_if_there_is_no_answer_and_can_be_sent_again(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("LIMIT")
    lose_the_next_change(config_page.page, after=False)
    config_page.type("50")

    config_page.confirm("important")
    expect(config_page.notice).to_contain_text("did not answer (no connection to it)")
    expect(config_page.dialog.get_by_label("Reason")).to_have_value("important")
    config_page.confirm("important")

    expect(config_page.said).to_contain_text("Revision 1")
    assert effective(admin, "LIMIT") == 50


def test_change_whose_answer_was_lost_is_not_made_twice(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("LIMIT")
    lose_the_next_change(config_page.page, after=True)
    config_page.type("50")

    config_page.confirm()
    expect(config_page.notice).to_contain_text("did not answer")
    config_page.confirm()

    expect(config_page.said).to_have_text("LIMIT has this value by now: revision 1, by alice.")
    assert len(admin.history()) == 1


def test_value_that_is_not_being_changed_follows_what_others_set(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("LIMIT")
    expect(config_page.field).to_have_value("10")

    admin.set("LIMIT", 20)

    expect(config_page.field).to_have_value("20")
    expect(config_page.row("LIMIT")).to_contain_text("20")
    expect(config_page.changes()).to_contain_text(["a test"])


def test_what_is_being_typed_is_not_overwritten_and_what_others_set_is_told(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("LIMIT")
    config_page.field.focus()
    config_page.page.keyboard.type("0")

    admin.set("LIMIT", 20)

    notice = config_page.page.locator("#editor-notice")
    expect(notice).to_contain_text("Changed meanwhile; what you have typed is still here.")
    expect(notice).to_contain_text("alice")
    expect(config_page.field).to_have_value("100")
    expect(config_page.field).to_be_focused()
    config_page.page.keyboard.press("Backspace")
    expect(config_page.field).to_have_value("10")
    config_page.button("Review...").click()
    expect(config_page.notice).to_contain_text("Changed meanwhile: alice has set it to 20")
    expect(config_page.dialog.locator("del")).to_have_text("20")
    config_page.button("Cancel").click()

    config_page.button("Take that, drop mine").click()
    expect(config_page.field).to_have_value("20")
    expect(notice).to_be_hidden()


def test_what_is_typed_for_one_variable_stays_while_others_are_looked_at(
    config_page: ConfigPage,
) -> None:
    config_page.open("LIMIT")
    config_page.field.fill("50")

    config_page.row("COLOUR").click()
    expect(config_page.field).to_have_value('"red"')
    config_page.row("LIMIT").click()

    expect(config_page.field).to_have_value("50")
    config_page.button("Drop what I typed").click()
    expect(config_page.field).to_have_value("10")


def test_of_two_people_the_later_one_sees_what_the_other_has_set_and_decides(
    browser: Browser, config_page: ConfigPage, configs: ServiceProcess, admin: Admin
) -> None:
    """Both have the same value before them when they press the button."""
    with opened_page(browser) as another:
        other = ConfigPage(another, configs)
        for each in (config_page, other):
            each.open("LIMIT")
        config_page.type("50")
        other.type("60")
        config_page.confirm("mine is better")
        expect(config_page.said).to_contain_text("Revision 1")

        other.confirm("no, mine")

        expect(other.notice).to_contain_text(
            'Changed meanwhile: alice has set it to 50 (revision 1, "mine is better").'
        )
        expect(other.dialog.locator("del")).to_have_text("50")
        expect(other.dialog.locator("ins")).to_have_text("60")
        assert effective(admin, "LIMIT") == 50
        other.confirm("we have talked", "Save mine instead")
        expect(other.said).to_contain_text("Revision 2")
    assert effective(admin, "LIMIT") == 60
    expect(config_page.field).to_have_value("60")


def test_page_says_that_there_is_no_news_and_goes_on_when_there_is(
    config_page: ConfigPage, admin: Admin
) -> None:
    config_page.open("LIMIT")
    config_page.page.context.set_offline(True)
    expect(config_page.page.locator("#state")).to_contain_text("No news since")
    config_page.field.fill("50")
    config_page.button("Review...").click()
    expect(config_page.said).to_contain_text("What you have typed is still here")
    expect(config_page.field).to_have_value("50")

    admin.set("SWITCH", True)
    config_page.page.context.set_offline(False)

    expect(config_page.page.locator("#state")).to_have_text("Revision 1")
    expect(config_page.row("SWITCH")).to_contain_text("true")
    expect(config_page.field).to_have_value("50")


def test_page_asks_for_news_by_etag_and_only_while_it_is_seen(config_page: ConfigPage) -> None:
    page, asked = config_page.page, []
    page.clock.install()
    config_page.open("LIMIT")
    with page.expect_response(is_unchanged):
        page.clock.run_for(LOOKS_EVERY_MS)

    page.on("request", lambda request: asked.append(request.url))
    hide(page, True)
    page.clock.run_for(20 * LOOKS_EVERY_MS)
    with page.expect_response(is_unchanged):
        hide(page, False)

    assert len(asked) == 1


def is_unchanged(answer: Response) -> bool:
    return answer.status == 304


def hide(page: Page, is_hidden: bool) -> None:
    page.evaluate(
        """(isHidden) => {
          Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )
