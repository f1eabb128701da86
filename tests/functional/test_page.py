"""The page at `/` in a headless Chromium, driven by what a user sees, hears and types."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.helpers.service_process import ServiceProcess, running_service

pytest.importorskip("playwright.sync_api", reason="the browser tests need the package playwright")

from playwright.sync_api import (
    ConsoleMessage,
    Locator,
    Page,
    ViewportSize,
    WebSocketRoute,
    expect,
)

SMALL_PHONE: ViewportSize = {"width": 320, "height": 568}
RECONNECT_TIMEOUT_MS = 60_000
PAYLOAD_LIMIT = 100_000
ROUND_TRIP = r"(< 0\.1|\d+\.\d|[\d,]+) ms"


@pytest.fixture
def page_url(service: ServiceProcess) -> str:
    return f"{service.http_url}/"


def status(page: Page) -> Locator:
    return page.get_by_role("status")


def box(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Message")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def rows(page: Page) -> Locator:
    return page.get_by_role("log", name="Messages").get_by_role("listitem")


def open_connected(page: Page, url: str) -> None:
    page.goto(url)
    expect(status(page)).to_contain_text("Connected")


def open_with_chat(page: Page, url: str, chat: Callable[[WebSocketRoute], None]) -> None:
    """Opens the page with `chat` in the place of the service's end of the connection."""
    page.route_web_socket("**/chat", chat)
    page.goto(url)


def send(page: Page, text: str) -> None:
    box(page).fill(text)
    box(page).press("Enter")


def test_connects_at_load_and_says_so(page: Page, page_url: str) -> None:
    page.goto(page_url)
    chat_url = page_url.replace("http://", "ws://") + "chat"

    expect(status(page)).to_contain_text("Connected")
    expect(status(page)).to_contain_text(chat_url)
    expect(page.get_by_text(f"wscat -c {chat_url}")).to_be_visible()
    expect(page).to_have_title("Echo chat")


def test_enter_sends_and_every_echo_shows_its_round_trip_time(page: Page, page_url: str) -> None:
    open_connected(page, page_url)

    send(page, "hello")
    send(page, "hello")
    send(page, "привет")

    expect(rows(page)).to_have_text(
        [re.compile(rf"^{text}\s*{ROUND_TRIP}$") for text in ("hello", "hello", "привет")]
    )
    expect(box(page)).to_have_value("")


def test_markup_in_a_message_is_shown_as_text(page: Page, page_url: str) -> None:
    markup = "<img src=x onerror=\"document.title='broken'\"><b>bold</b>"
    open_connected(page, page_url)

    send(page, markup)

    expect(rows(page)).to_contain_text([markup])
    expect(rows(page)).to_contain_text([re.compile(ROUND_TRIP)])
    expect(rows(page).locator("img, b")).to_have_count(0)
    expect(page).to_have_title("Echo chat")


def test_everything_can_be_done_by_keyboard(page: Page, page_url: str) -> None:
    open_connected(page, page_url)
    expect(box(page)).to_be_focused()

    page.keyboard.type("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(box(page)).to_have_value("one\ntwo")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_text([re.compile(rf"one\s+two\s*{ROUND_TRIP}")])
    page.keyboard.press("ArrowUp")
    expect(box(page)).to_have_value("one\ntwo")
    page.keyboard.press("Escape")
    expect(box(page)).to_have_value("")

    page.keyboard.press("Tab")
    expect_focus_ring(button(page, "Send"))
    page.keyboard.press("Shift+Tab")
    expect_focus_ring(box(page))
    page.keyboard.press("Shift+Tab")
    expect_focus_ring(page.get_by_role("log"))
    page.keyboard.press("Shift+Tab")
    expect_focus_ring(button(page, "Disconnect"))
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("Disconnected")
    expect_focus_ring(button(page, "Connect"))


def expect_focus_ring(element: Locator) -> None:
    expect(element).to_be_focused()
    expect(element).to_have_css("outline-style", "solid")
    expect(element).to_have_css("outline-width", "3px")


def test_disconnects_and_connects_again_by_the_button(page: Page, page_url: str) -> None:
    open_connected(page, page_url)

    button(page, "Disconnect").click()
    expect(status(page)).to_contain_text("Disconnected")
    expect(status(page)).to_contain_text("Closed 1000")

    button(page, "Connect").click()
    expect(status(page)).to_contain_text("Connected")
    send(page, "again")
    expect(rows(page).last).to_have_text(re.compile(rf"^again\s*{ROUND_TRIP}$"))


def test_does_not_reconnect_after_the_user_disconnected(page: Page, page_url: str) -> None:
    page.clock.install()
    open_connected(page, page_url)

    button(page, "Disconnect").click()
    expect(status(page)).to_contain_text("Closed 1000")
    page.clock.run_for(60_000)
    page.evaluate("dispatchEvent(new Event('online'))")

    expect(status(page)).to_contain_text("Disconnected")
    expect(button(page, "Connect")).to_be_visible()


def test_text_stays_in_the_box_while_not_connected(page: Page, page_url: str) -> None:
    open_connected(page, page_url)
    button(page, "Disconnect").click()
    expect(status(page)).to_contain_text("Disconnected")

    send(page, "not lost")

    expect(page.get_by_role("alert")).to_contain_text("Not connected")
    expect(box(page)).to_have_value("not lost")
    expect(button(page, "Send")).to_have_attribute("aria-disabled", "true")
    button(page, "Connect").click()
    expect(status(page)).to_contain_text("Connected")
    expect(page.get_by_role("alert")).to_be_empty()
    box(page).press("Enter")
    expect(rows(page).last).to_have_text(re.compile(rf"^not lost\s*{ROUND_TRIP}$"))


def test_reconnects_without_a_reload_when_the_service_is_back(page: Page) -> None:
    with running_service() as service:
        open_connected(page, f"{service.http_url}/")
        page.evaluate("window.loadedOnce = true")
    expect(status(page)).to_contain_text("Reconnecting")
    expect(button(page, "Reconnect now")).to_be_visible()

    with running_service(port=service.port):
        expect(status(page)).to_contain_text("Connected", timeout=RECONNECT_TIMEOUT_MS)
        assert page.evaluate("window.loadedOnce") is True
        send(page, "back")
        expect(rows(page).last).to_have_text(re.compile(rf"^back\s*{ROUND_TRIP}$"))


def test_a_too_long_message_shows_close_1009_and_what_it_means(page: Page, page_url: str) -> None:
    open_connected(page, page_url)

    send(page, "x" * (PAYLOAD_LIMIT + 1))

    expect(rows(page).nth(0)).to_have_text(re.compile(r"\(100,001 characters\)\s*not echoed$"))
    expect(rows(page).nth(1)).to_contain_text("Closed 1009")
    expect(rows(page).nth(1)).to_contain_text("the message is longer than the service takes")


def test_a_message_of_just_the_limit_is_echoed(page: Page, page_url: str) -> None:
    open_connected(page, page_url)

    send(page, "x" * PAYLOAD_LIMIT)

    expect(rows(page)).to_have_text([re.compile(rf"\(100,000 characters\)\s*{ROUND_TRIP}$")])


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (1001, "the service is shutting down"),
        (1011, "the service failed"),
        (1012, "the service is restarting"),
        (4000, "a code of the application"),
    ],
)
def test_a_close_is_shown_with_code_reason_and_meaning(
    page: Page, page_url: str, code: int, meaning: str
) -> None:
    open_with_chat(page, page_url, lambda chat: chat.close(code=code, reason="because"))

    expect(rows(page).first).to_contain_text(f'Closed {code} "because": {meaning}')


def test_messages_without_an_echo_at_the_close_are_marked(page: Page, page_url: str) -> None:
    def chat(route: WebSocketRoute) -> None:
        def answer(message: str | bytes) -> None:
            if message == "first":
                route.send(message)
            if message == "third":
                route.close(code=1011)

        route.on_message(answer)

    stop_the_clock(page)
    open_with_chat(page, page_url, chat)
    expect(status(page)).to_contain_text("Connected")
    for text in ("first", "second", "third"):
        send(page, text)

    expect(rows(page).nth(0)).to_have_text(re.compile(rf"^first\s*{ROUND_TRIP}$"))
    expect(rows(page).nth(1)).to_have_text(re.compile(r"^second\s*not echoed$"))
    expect(rows(page).nth(2)).to_have_text(re.compile(r"^third\s*not echoed$"))
    expect(rows(page).nth(3)).to_contain_text("Closed 1011")


def test_a_binary_message_shows_its_size(page: Page, page_url: str) -> None:
    open_with_chat(page, page_url, lambda chat: chat.send(bytes(1234)))

    expect(rows(page)).to_have_text([re.compile(r"^Binary message\s*1,234 bytes$")])


def test_the_log_keeps_the_last_500_messages(page: Page, page_url: str) -> None:
    def chat(route: WebSocketRoute) -> None:
        for number in range(510):
            route.send(f"number {number}")

    open_with_chat(page, page_url, chat)

    expect(rows(page).last).to_contain_text("number 509")
    expect(rows(page).first).to_contain_text("number 10")
    expect(rows(page)).to_have_count(500)


@pytest.mark.parametrize(("luck", "share"), [(0, 0.5), (0.5, 0.75)])
def test_waits_twice_as_long_after_each_failure_up_to_30_seconds(
    page: Page, page_url: str, luck: float, share: float
) -> None:
    attempts = 0

    def chat(route: WebSocketRoute) -> None:
        nonlocal attempts
        attempts += 1
        route.close(code=1012, reason=f"attempt {attempts}")

    page.add_init_script(f"Math.random = () => {luck}")
    stop_the_clock(page)
    open_with_chat(page, page_url, chat)

    for attempt, longest in enumerate((0.5, 1, 2, 4, 8, 16, 30, 30), start=1):
        delay = longest * share
        expect(status(page)).to_contain_text(f'"attempt {attempt}"')
        expect(status(page)).to_contain_text(f"Reconnecting in {math.ceil(delay)} s")
        page.clock.run_for(int(delay * 1000))


@pytest.mark.parametrize(
    "hurry",
    [
        pytest.param("document.querySelector('#now').click()", id="the button"),
        pytest.param("dispatchEvent(new Event('online'))", id="back online"),
        pytest.param("document.dispatchEvent(new Event('visibilitychange'))", id="tab visible"),
    ],
)
def test_reconnects_at_once_by(page: Page, page_url: str, hurry: str) -> None:
    attempts = 0

    def chat(route: WebSocketRoute) -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            route.close(code=1012)

    stop_the_clock(page)
    open_with_chat(page, page_url, chat)
    expect(button(page, "Reconnect now")).to_be_visible()

    page.evaluate(hurry)

    expect(status(page)).to_contain_text("Connected")
    expect(button(page, "Reconnect now")).to_be_hidden()


def test_stop_ends_the_attempts_to_reconnect(page: Page, page_url: str) -> None:
    stop_the_clock(page)
    open_with_chat(page, page_url, lambda chat: chat.close(code=1012))

    button(page, "Stop").click()
    expect(status(page)).to_contain_text("Disconnected")
    page.clock.run_for(60_000)

    expect(status(page)).to_contain_text("Disconnected")
    expect(rows(page)).to_have_count(1)
    expect(button(page, "Connect")).to_be_focused()


def stop_the_clock(page: Page) -> None:
    """From here on time passes in the page only by `page.clock.run_for`."""
    page.clock.install(time=0)
    page.clock.pause_at(1000)


def test_dark_and_light_schemes_look_different(page: Page, page_url: str) -> None:
    page.emulate_media(color_scheme="light")
    open_connected(page, page_url)
    light = background(page)

    page.emulate_media(color_scheme="dark")
    dark = background(page)

    assert sum(light) > 3 * 200
    assert sum(dark) < 3 * 60


def background(page: Page) -> list[int]:
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return [int(part) for part in re.findall(r"\d+", colour)[:3]]


def test_a_small_phone_shows_everything_without_scrolling_sideways(
    page: Page, page_url: str
) -> None:
    page.set_viewport_size(SMALL_PHONE)
    open_connected(page, page_url)
    send(page, "word " * 60)
    send(page, "unbroken" * 40)
    expect(rows(page)).to_contain_text([re.compile(ROUND_TRIP)] * 2)

    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL_PHONE["width"]
    assert page.evaluate("document.documentElement.scrollHeight") <= SMALL_PHONE["height"]
    log = page.get_by_role("log")
    assert log.evaluate("element => element.scrollWidth <= element.clientWidth")
    for element in (box(page), button(page, "Send"), button(page, "Disconnect")):
        expect(element).to_be_in_viewport(ratio=1)
        bounds = element.bounding_box()
        assert bounds is not None
        assert bounds["height"] >= 44
    expect(box(page)).to_have_css("font-size", "16px")


def test_asks_no_other_host_and_logs_no_error(page: Page, page_url: str) -> None:
    hosts: set[str] = set()
    complaints: list[str] = []

    def note_console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: hosts.add(urlsplit(socket.url).netloc))
    page.on("console", note_console)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", lambda answer: complaints.append(answer.url) if not answer.ok else None)

    open_connected(page, page_url)
    send(page, "hello")
    expect(rows(page)).to_contain_text([re.compile(ROUND_TRIP)])

    expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile(r"^data:"))
    assert hosts - {""} == {urlsplit(page_url).netloc}  # "": a data URI, such as the icon's
    assert complaints == []
