import pytest
from starlette.requests import Request

from app.handlers.conditions import etag, not_modified, seen_versions
from app.handlers.json_error import JsonError


def request_of(*headers: tuple[str, str]) -> Request:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Request({"type": "http", "method": "GET", "headers": raw})


@pytest.mark.parametrize(
    ("headers", "seen"),
    [
        ([("If-Match", '"1"')], {"1"}),
        ([("If-Match", '"1", "2"'), ("If-Match", '"3"')], {"1", "2", "3"}),
        ([("If-Match", 'W/"1"')], set()),
    ],
)
def test_versions_are_those_that_the_author_has_seen(
    headers: list[tuple[str, str]], seen: set[str]
) -> None:
    assert seen_versions(request_of(*headers)) == seen


@pytest.mark.parametrize("headers", [[], [("If-Match", "")], [("If-Match", "*")]])
def test_who_names_no_version_is_asked_for_one(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(JsonError) as refused:
        seen_versions(request_of(*headers))

    assert refused.value.status == 428


@pytest.mark.parametrize(
    ("tags", "is_seen"),
    [
        ('"1"', True),
        ('"0", W/"1"', True),
        ("*", True),
        ('"2"', False),
        ("1", False),
        ("", False),
    ],
)
def test_what_was_seen_is_not_sent_again(tags: str, is_seen: bool) -> None:
    answer = not_modified(request_of(("If-None-Match", tags)), 1)

    assert (answer is not None) == is_seen
    if answer is not None:
        assert (answer.status_code, answer.body) == (304, b"")
        assert answer.headers["ETag"] == etag(1) == '"1"'
