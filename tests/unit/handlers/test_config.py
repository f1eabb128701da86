from typing import Any

import pytest
from pydantic import ValidationError

from app.handlers.config import METHODS, HandlerConfig, WebSocketHandlerConfig
from app.websocket.limits import Limits


def handler(**options: Any) -> HandlerConfig:
    return HandlerConfig.model_validate({"path": "/a", "method": "GET", **options})


def websocket_handler(**options: Any) -> WebSocketHandlerConfig:
    return WebSocketHandlerConfig.model_validate({"path": "/a", "method": "GET", **options})


@pytest.mark.parametrize("missing", ["path", "method"])
def test_path_and_method_are_required(missing: str) -> None:
    options = {"path": "/a", "method": "GET"}
    del options[missing]

    with pytest.raises(ValidationError, match=missing):
        HandlerConfig.model_validate(options)


def test_other_options_have_defaults() -> None:
    config = handler()

    assert config.task_processor is None
    assert config.url_trailing_slash == "both"
    assert config.request_headers_size_log_limit == 512


@pytest.mark.parametrize("value", [0, 512, 10_000])
def test_headers_may_have_as_many_bytes_as_the_log_shows_of_a_value(value: int) -> None:
    config = handler(request_headers_size_log_limit=value)

    assert config.request_headers_size_log_limit == value


@pytest.mark.parametrize("value", [-1, 10_001, 1.5, "512", None, True])
def test_bytes_of_headers_are_a_number_within_bounds(value: object) -> None:
    with pytest.raises(ValidationError, match="request_headers_size_log_limit"):
        handler(request_headers_size_log_limit=value)


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a/{b}", "/{a}/{b:int}", "/{rest:path}"])
def test_path_is_a_template(path: str) -> None:
    assert handler(path=path).path == path


@pytest.mark.parametrize(
    "path",
    ["", "a", "http://host/a", "{a}", " /a", "/a b", "/a?b=c", "/a#b", "/a/*", "/a\n", None, 7],
)
def test_path_begins_with_a_slash(path: object) -> None:
    with pytest.raises(ValidationError, match="path"):
        handler(path=path)


@pytest.mark.parametrize("path", ["/{a}/{a}", "/{a:number}"])
def test_path_that_is_no_template_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="not a path template: "):
        handler(path=path)


@pytest.mark.parametrize("path", ["/{", "/}", "/{}", "/{a", "/a}", "/{a b}", "/{a-b}", "/{{a}}"])
def test_brace_that_is_no_part_of_a_template_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match=r"a brace that is not part|no blanks"):
        handler(path=path)


@pytest.mark.parametrize(
    ("method", "methods"),
    [
        ("GET", ["GET"]),
        ("GET,POST", ["GET", "POST"]),
        (" PUT , GET ", ["PUT", "GET"]),
        (",".join(sorted(METHODS)), sorted(METHODS)),
    ],
)
def test_methods_stand_between_commas(method: str, methods: list[str]) -> None:
    assert handler(method=method).methods == methods


@pytest.mark.parametrize("method", ["", "get", "GET,", "GET POST", "CONNECT", "GET,FETCH"])
def test_unknown_method_is_refused_and_the_known_ones_are_named(method: str) -> None:
    with pytest.raises(ValidationError, match="there are: DELETE, GET, HEAD, OPTIONS, PATCH"):
        handler(method=method)


def test_method_that_is_nearest_is_offered() -> None:
    with pytest.raises(ValidationError, match="did you mean 'GET'"):
        handler(method="get")


@pytest.mark.parametrize("method", [None, ["GET"], 7])
def test_method_is_text(method: object) -> None:
    with pytest.raises(ValidationError, match="method"):
        handler(method=method)


def test_slash_at_the_end_may_matter() -> None:
    assert handler(url_trailing_slash="strict-match").url_trailing_slash == "strict-match"


@pytest.mark.parametrize("value", ["strict", "", None, True])
def test_slash_at_the_end_has_two_ways(value: object) -> None:
    with pytest.raises(ValidationError, match="url_trailing_slash"):
        handler(url_trailing_slash=value)


def test_limits_have_the_defaults_of_the_original() -> None:
    config = websocket_handler()

    assert (config.max_remote_payload, config.fragment_size) == (65536, 65536)


def test_limits_are_options_of_the_handler() -> None:
    config = websocket_handler()

    assert isinstance(config, Limits)
    assert config.model_dump(include=set(Limits.model_fields)) == Limits().model_dump()


def test_limits_are_those_of_the_file() -> None:
    config = WebSocketHandlerConfig.model_validate(
        {
            "path": "/a",
            "method": "GET",
            "max-remote-payload": 1,
            "fragment-size": 0,
            "close-timeout": "10ms",
        }
    )

    assert (config.max_remote_payload, config.fragment_size) == (1, 0)
    assert config.close_timeout == 0.01


def test_limits_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="send-buffer-low: must not be more than"):
        websocket_handler(**{"send-buffer-high": 10, "send-buffer-low": 11})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("max-remote-payload", value) for value in (0, -1, "1", 1.0, True, None)),
        *(("fragment-size", value) for value in (-1, "1", 1.0, True, None)),
        *(("close-timeout", value) for value in (0, "0ms", "61m", -1, 1.0, True, None)),
    ],
)
def test_limits_are_numbers_within_bounds(option: str, value: object) -> None:
    with pytest.raises(ValidationError, match=option):
        WebSocketHandlerConfig.model_validate({"path": "/a", "method": "GET", option: value})


@pytest.mark.parametrize("method", ["POST", "PUT,DELETE"])
def test_connection_cannot_begin_without_get(method: str) -> None:
    with pytest.raises(
        ValidationError, match="must have GET, with which a WebSocket connection begins"
    ):
        websocket_handler(method=method)


def test_websocket_handler_may_answer_more_methods_than_get() -> None:
    assert websocket_handler(method="POST,GET").methods == ["POST", "GET"]


def test_unknown_option_is_refused() -> None:
    with pytest.raises(ValidationError, match="max-remote-payload"):
        handler(**{"max-remote-payload": 1})
