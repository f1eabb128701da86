"""What values of the dynamic config do that change while the service runs."""

import contextlib
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from httpx_ws import WebSocketSession

from tests.helpers.clients import TIMEOUT, connected
from tests.helpers.log_lines import LINE_TIMEOUT, Line, new_trace, opened, parsed
from tests.helpers.service_process import (
    ServiceProcess,
    components_of,
    running_command,
    running_service,
    wait_until,
    write_config,
)
from tests.services.talkative import DEBUG_LINE, FILE, PATH, talkative_config

MODULE = "tests.services.talkative"
HEADERS_LIMIT = 200

# What follows `python -m`, with the port where %d stands.
COMMANDS = {
    "uvicorn": ["uvicorn", f"{MODULE}:app", "--port=%d"],
    "granian": ["granian", "--interface=asgi", "--port=%d", f"{MODULE}:app"],
    "hypercorn": ["hypercorn", "--bind=127.0.0.1:%d", f"{MODULE}:app"],
}


class Values:
    """The file that the values of a running service are from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.publish()

    def publish(self, **values: object) -> None:
        """Let these be the values, and those of all others the fallback ones."""
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(values))
        new.rename(self.path)

    def force(self, **places: object) -> None:
        """Let places in the code have levels of their own."""
        named = {name.replace("_", "-"): each for name, each in places.items()}
        value = {"force-enabled": [], "force-disabled": [], **named}
        self.publish(USERVER_LOG_DYNAMIC_DEBUG=value)


class Running:
    """A service, the file of its values, and a connection to it that stays open."""

    def __init__(self, service: ServiceProcess, values: Values) -> None:
        self.service = service
        self.values = values
        self._chat: WebSocketSession | None = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._chat = self._stack.enter_context(connected(f"{self.service.ws_url}{PATH}"))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def levels(self) -> list[str]:
        """Return at which levels a message is logged now, from the lowest one on."""
        assert self._chat is not None
        message = secrets.token_hex(8)
        self._chat.send_text(message)
        assert self._chat.receive_text(TIMEOUT) == message
        self.service.wait_for_line(rf"\ttext=warning {message}\b", LINE_TIMEOUT)
        texts = [line["text"].split() for line in parsed(self.service.log())]
        return [text[0] for text in texts if text[1:] == [message]]

    def wait_for_levels(self, *levels: str) -> None:
        """Wait until a message is logged at these levels and no others."""
        wait_until(lambda: self.levels() == list(levels), TIMEOUT)

    def request(self, *header_lines: str, path: str = PATH) -> list[Line]:
        """Open a connection, close it, and return the lines about it."""
        trace_id, traceparent = new_trace()
        with opened(self.service, path, *header_lines, traceparent):
            pass
        end = rf"\ttrace_id={trace_id}\t.*\ttext=connection closed\t"
        self.service.wait_for_line(end, LINE_TIMEOUT)
        return [line for line in parsed(self.service.log()) if line.get("trace_id") == trace_id]


@pytest.fixture(scope="module", params=["app", "uvicorn"])
def under_our_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The service under each command that has the direct path."""
    with started(request.param, tmp_path_factory.mktemp("config")) as running:
        yield running


@pytest.fixture(scope="module", params=["app", *COMMANDS])
def under_any_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """The service under each server."""
    with started(request.param, tmp_path_factory.mktemp("config")) as running:
        yield running


@contextlib.contextmanager
def started(command: str, folder: Path) -> Iterator[Running]:
    values = Values(folder / "values.json")
    document = talkative_config(values.path, request_headers_size_log_limit=HEADERS_LIMIT)
    with contextlib.ExitStack() as stack:
        if command == "app":
            service = stack.enter_context(running_service(folder, document, module=MODULE))
        else:
            config = write_config(folder, document)
            service = stack.enter_context(running_command(COMMANDS[command], config))
        yield stack.enter_context(Running(service, values))


# USERVER_LOG_DYNAMIC_DEBUG


def test_place_gets_a_level_and_loses_it_while_the_service_runs(under_our_server: Running) -> None:
    running = under_our_server
    running.values.publish()
    running.wait_for_levels("info", "warning")

    running.values.force(force_enabled=[FILE])
    running.wait_for_levels("debug", "info", "warning")
    running.values.force(force_disabled=[FILE])
    running.wait_for_levels("warning")
    running.values.force(force_disabled=["tests/"], force_enabled=[f"{FILE}:{DEBUG_LINE}"])
    running.wait_for_levels("debug", "warning")
    running.values.force(force_disabled_level={FILE: "DEBUG"}, force_enabled=["app/"])
    running.wait_for_levels("info", "warning")


def test_library_gets_a_level_too_and_nobody_else_does(under_our_server: Running) -> None:
    running = under_our_server
    running.values.force(force_enabled=["uvicorn/protocols/http/"])

    def is_told() -> bool:
        httpx.get(running.service.http_url, timeout=TIMEOUT)
        return "HTTP connection made" in running.service.log()

    wait_until(is_told, TIMEOUT)
    running.wait_for_levels("info", "warning")


def test_place_that_is_none_is_named_and_the_others_take_effect(under_our_server: Running) -> None:
    running = under_our_server
    running.values.force(force_enabled=["tests/services/talkativ.py:1", FILE])

    running.wait_for_levels("debug", "info", "warning")
    running.service.wait_for_line(
        r"\tlevel=WARNING\t.*text=USERVER_LOG_DYNAMIC_DEBUG: 'tests/services/talkativ\.py:1':"
        r" no module that is loaded has a source file whose path is that;"
        rf" did you mean '{FILE}'\?",
        LINE_TIMEOUT,
    )


def test_fallback_value_holds_from_the_start_in_all_processes(tmp_path: Path) -> None:
    values = Values(tmp_path / "values.json")
    document = talkative_config(values.path)
    sections = components_of(document)
    del sections["dynamic-config-file-updater"], sections["dynamic-config-fallbacks"]
    places = {"force-enabled": [FILE], "force-disabled": ["app/service.py"]}
    sections["dynamic-config"] = {"defaults": {"USERVER_LOG_DYNAMIC_DEBUG": places}}

    with (
        running_service(tmp_path, document, module=MODULE) as service,
        Running(service, values) as running,
    ):
        assert running.levels() == ["debug", "info", "warning"]
        # What the process says at the start that watches the workers.
        assert "text=listening on " in service.log()
        assert "text=config: " not in service.log()


# USERVER_LOG_REQUEST


def received(lines: list[Line]) -> list[Line]:
    """Return the lines that tell what the handshake of a connection has asked for."""
    (line,) = [line for line in lines if line["text"] == "connection opened"]
    return [line] if "uri" in line else []


def test_request_is_told_of_until_the_config_says_otherwise(under_any_server: Running) -> None:
    running = under_any_server
    running.values.publish()
    headers = ("User-Agent: caf\xe9", "Accept-Language: de", "X-Request-Application: a=b")

    def request() -> list[Line]:
        return received(running.request(*headers, path=f"{PATH}?a=%20&b"))

    wait_until(lambda: len(request()) == 1, TIMEOUT)
    (line,) = request()
    assert line["handler"] == "talkative"
    expected = {"method": "GET", "uri": f"{PATH}?a=%20&b", "acceptlang": "de"}
    assert line.items() >= {**expected, "request_application": "a=b"}.items()
    assert line["useragent"].startswith("caf")
    assert "request_headers" not in line
    running.values.publish(USERVER_LOG_REQUEST=False, USERVER_LOG_REQUEST_HEADERS=True)
    wait_until(lambda: request() == [], TIMEOUT)
    running.values.publish()
    wait_until(lambda: len(request()) == 1, TIMEOUT)


def test_plain_request_is_a_line_too(under_any_server: Running) -> None:
    running = under_any_server
    trace_id, traceparent = new_trace()
    name, _, value = traceparent.partition(": ")

    response = httpx.get(f"{running.service.http_url}/?a=b", headers={name: value}, timeout=TIMEOUT)

    assert response.status_code == 200
    line = rf"\ttrace_id={trace_id}\thandler=chat-page\t.*\ttext=request received\t.*\turi=/\?a=b\t"
    running.service.wait_for_line(line, LINE_TIMEOUT)


def test_headers_are_masked_but_for_those_of_the_whitelist(under_any_server: Running) -> None:
    running = under_any_server
    secret = secrets.token_hex(8)
    headers = (
        f"Cookie: {secret}",
        "X-Shown: one",
        "x-shown: two\xe9",
        f"X-Long: {secret * 20}",
        "Authorization: " + secret,
    )
    running.values.publish(
        USERVER_LOG_REQUEST_HEADERS=True,
        USERVER_LOG_REQUEST_HEADERS_WHITELIST=["X-SHOWN", "x-long"],
    )

    def request() -> list[Line]:
        return received(running.request(*headers))

    wait_until(lambda: "request_headers" in request()[0], TIMEOUT)
    (line,) = request()
    text = line["request_headers"].replace("\\\\", "\\")
    told: dict[str, Any] = json.loads(text)
    assert len(text) <= HEADERS_LIMIT
    assert next(iter(told)) == "x-shown"
    assert told.pop("x-shown") == "one, two\xe9".encode().decode("latin-1")
    assert set(told.values()) == {"***"}
    assert "cookie" in told
    assert "x-long" not in told
    assert int(line["request_headers_left_out"]) >= 1
    assert secret not in running.service.log()


# USERVER_FILES_CONTENT_TYPE_MAP


def page(running: Running) -> httpx.Response:
    return httpx.get(running.service.http_url, timeout=TIMEOUT)


def wait_for_content_type(running: Running, content_type: str) -> None:
    wait_until(lambda: page(running).headers.get("content-type") == content_type, TIMEOUT)


def test_content_type_of_the_page_changes_while_the_service_runs(under_our_server: Running) -> None:
    running = under_our_server
    running.values.publish()
    wait_for_content_type(running, "text/html; charset=utf-8")
    before = page(running)

    for types, content_type in [
        ({".html": "text/plain"}, "text/plain; charset=utf-8"),
        ({"__default__": "application/xhtml+xml"}, "application/xhtml+xml"),
        ({".html": "text/html; charset=ascii", "__default__": "a/b"}, "text/html; charset=ascii"),
    ]:
        running.values.publish(USERVER_FILES_CONTENT_TYPE_MAP=types)
        wait_for_content_type(running, content_type)
        after = page(running)
        assert after.content == before.content
        assert after.headers["x-content-type-options"] == "nosniff"
        assert after.headers["cache-control"] == "no-cache"


def test_page_without_a_content_type_is_answered_with_500_and_the_log_says_why(
    under_our_server: Running,
) -> None:
    running = under_our_server
    running.values.publish(USERVER_FILES_CONTENT_TYPE_MAP={".css": "text/css"})

    wait_until(lambda: page(running).status_code == 500, TIMEOUT)
    assert page(running).content == b""
    running.service.wait_for_line(
        r"\tlevel=ERROR\t.*\ttext=USERVER_FILES_CONTENT_TYPE_MAP has neither an entry for"
        r" 'page\.html' nor '__default__'",
        LINE_TIMEOUT,
    )
    assert "Traceback" not in running.service.log()


def test_content_type_that_would_break_out_of_its_header_never_gets_in(
    under_our_server: Running,
) -> None:
    running = under_our_server
    running.values.publish(USERVER_FILES_CONTENT_TYPE_MAP={".html": "text/plain"})
    wait_for_content_type(running, "text/plain; charset=utf-8")

    bad = secrets.token_hex(8)
    types = {".html": f"text/html\r\nSet-Cookie: {bad}"}
    running.values.publish(USERVER_FILES_CONTENT_TYPE_MAP=types)
    running.service.wait_for_line(
        r"USERVER_FILES_CONTENT_TYPE_MAP\.'\.html': expected a media type, as 'text/html' \(got "
        rf".*{bad}",
        LINE_TIMEOUT,
    )

    assert page(running).headers["content-type"] == "text/plain; charset=utf-8"
    assert "set-cookie" not in page(running).headers
