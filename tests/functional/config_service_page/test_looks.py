"""The page by keyboard, on a small phone, in the dark, and by its headers."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, expect

from tests.functional.test_config_service import TOKEN, Admin
from tests.helpers.config_page import ConfigPage, effective

SMALL_PHONE: ViewportSize = {"width": 320, "height": 568}
HEIGHT_OF_A_FINGER = 44


def test_value_is_changed_by_keyboard_alone(config_page: ConfigPage, admin: Admin) -> None:
    page = config_page.page
    config_page.open()
    expect(config_page.rows()).to_have_count(5)
    keys = page.keyboard

    keys.press("/")
    keys.type("LIMIT")
    expect(config_page.rows()).to_have_count(1)
    keys.press("Tab")
    expect_focus_ring(page.get_by_label("Only what is set"))
    keys.press("Tab")
    expect_focus_ring(page.get_by_role("link", name="LIMIT"))
    keys.press("Enter")
    expect_focus_ring(page.get_by_role("heading", name="LIMIT", exact=True))
    keys.press("Tab")
    expect_focus_ring(config_page.field)
    keys.press("ControlOrMeta+A")
    keys.type("50")
    keys.press("Enter")
    expect_focus_ring(config_page.dialog.get_by_label("Reason"))
    keys.press("Escape")
    expect(config_page.dialog).to_be_hidden()
    expect(config_page.field).to_be_focused()
    keys.press("Enter")
    expect(config_page.dialog.get_by_label("Reason")).to_be_focused()
    keys.type("by keyboard")
    keys.press("Tab")
    expect_focus_ring(config_page.dialog.get_by_label("Token"))
    keys.type(TOKEN)
    keys.press("Enter")

    expect(config_page.said).to_contain_text("Revision 1")
    assert effective(admin, "LIMIT") == 50


def test_json_is_reviewed_by_control_and_enter(config_page: ConfigPage) -> None:
    config_page.open("OPTIONS")

    config_page.field.fill('{\n"size": 2}')
    config_page.field.press("Control+Enter")

    expect(config_page.dialog).to_be_visible()


def expect_focus_ring(element: Locator) -> None:
    expect(element).to_be_focused()
    expect(element).to_have_css("outline-style", "solid")
    expect(element).to_have_css("outline-width", "3px")


def test_focus_stays_where_it_is_when_there_is_news(config_page: ConfigPage, admin: Admin) -> None:
    admin.set("LIMIT", 20)
    config_page.open("LIMIT")
    button = config_page.button("Roll back to revision 1...")
    button.focus()

    admin.set("LIMIT", 30, '"1"')

    expect(config_page.changes()).to_have_count(2)
    expect(button).to_be_focused()
    link = config_page.row("SWITCH").get_by_role("link")
    link.focus()
    admin.set("SWITCH", True)
    expect(config_page.row("SWITCH")).to_contain_text("everybody")
    expect(link).to_be_focused()


def test_small_phone_shows_everything_without_scrolling_sideways(
    config_page: ConfigPage, admin: Admin
) -> None:
    page = config_page.page
    page.set_viewport_size(SMALL_PHONE)
    admin.set("LONG_" * 30 + "NAME", {"unbroken" * 40: "word " * 60})
    admin.set("LIMIT", 40, service="chat", stage="testing")
    config_page.open(service="chat", stage="testing")
    expect(config_page.rows()).to_have_count(6)
    assert fits(page)
    expect(page.locator("#variable")).to_be_hidden()

    config_page.row("LIMIT").get_by_role("link").click()
    expect(config_page.field).to_be_visible()
    expect(page.get_by_role("list", name="Variables")).to_be_hidden()
    assert fits(page)
    config_page.type("1000")
    expect(config_page.button("Save")).to_be_in_viewport(ratio=1)
    for name in ("Save", "Cancel"):
        bounds = config_page.button(name).bounding_box()
        assert bounds is not None
        assert bounds["height"] >= HEIGHT_OF_A_FINGER
    config_page.confirm(token="wrong-token-of-nobody")
    expect(config_page.dialog.locator("#token-error")).to_be_in_viewport(ratio=1)
    config_page.confirm()
    expect(config_page.field_errors).to_be_in_viewport(ratio=1)
    page.get_by_role("link", name="All variables").click()
    expect(config_page.row("LIMIT").get_by_role("link")).to_be_focused()

    config_page.open("LONG_" * 30 + "NAME")
    assert fits(page)
    config_page.open(view="history")
    expect(config_page.all_changes()).to_have_count(2)
    assert fits(page)
    expect(page.get_by_label("Filter")).to_have_css("font-size", "16px")


def fits(page: Page) -> bool:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width <= SMALL_PHONE["width"]


def test_dark_and_light_schemes_look_different(config_page: ConfigPage) -> None:
    page = config_page.page
    page.emulate_media(color_scheme="light")
    config_page.open()
    light = background(page)

    page.emulate_media(color_scheme="dark")
    dark = background(page)

    assert sum(light) > 3 * 200
    assert sum(dark) < 3 * 60


def background(page: Page) -> list[int]:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in re.findall(r"\d+", colour)[:3]]


def test_asks_no_other_host_and_logs_no_error(config_page: ConfigPage) -> None:
    hosts: set[str] = set()
    complaints: list[str] = []
    page = config_page.page

    def note_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("console", note_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    config_page.open("LIMIT")
    config_page.set("50")
    config_page.open(view="history")
    expect(config_page.all_changes()).to_have_count(1)

    assert hosts - {""} == {urlsplit(config_page.url).netloc}  # "": a data URI, the icon's
    assert complaints == []


@pytest.mark.parametrize(
    "attack",
    [
        "document.body.innerHTML = '<img src=x>'",
        "document.body.insertAdjacentHTML('beforeend', '<b>x</b>')",
        "document.createElement('script').textContent = 'document.title = 1'",
    ],
)
def test_text_cannot_become_markup_or_script(config_page: ConfigPage, attack: str) -> None:
    config_page.open("LIMIT")

    said = config_page.page.evaluate(
        f"() => {{ try {{ {attack}; return 'done'; }} catch (error) {{ return error.name; }} }}"
    )

    assert said == "TypeError"


@pytest.mark.parametrize(
    ("directive", "attack"),
    [
        ("style-src-elem", "element.textContent = 'body { display: none }'"),
        ("img-src", "element.src = '/image.png'"),
        ("frame-src", "element.src = '/'"),
        ("connect-src", "fetch('http://127.0.0.2/').catch(() => {})"),
    ],
)
def test_browser_refuses_what_the_page_has_no_need_of(
    config_page: ConfigPage, directive: str, attack: str
) -> None:
    tags = {"style-src-elem": "style", "img-src": "img", "frame-src": "iframe"}
    config_page.open("LIMIT")

    refused = config_page.page.evaluate(
        f"""() => new Promise((refuse) => {{
          addEventListener("securitypolicyviolation", (event) => refuse(event.effectiveDirective));
          const element = document.createElement("{tags.get(directive, "p")}");
          {attack};
          document.body.append(element);
        }})"""
    )

    assert refused == directive
