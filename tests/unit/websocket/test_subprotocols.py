from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.websocket.subprotocols import (
    Subprotocols,
    check_subprotocol,
    first_offered,
    offered_subprotocols,
)

OPTION: TypeAdapter[list[str]] = TypeAdapter(Subprotocols)

NO_NAMES = [
    "",
    " ",
    "a b",
    "a,b",
    "a/b",
    "a;b",
    'a"b',
    "a=b",
    "a:b",
    "{a}",
    "a\r\nb",
    "a\0",
    "\xe9",
]


def header(*values: str) -> list[tuple[bytes, bytes]]:
    name = b"sec-websocket-protocol"
    return [(b"host", b"a"), *((name, value.encode("latin-1")) for value in values)]


# The option


@pytest.mark.parametrize("names", [[], ["chat"], ["graphql-ws", "v1.k8s.io", "!#$%&'*+.^_`|~"]])
def test_names_of_subprotocols_are_tokens(names: list[str]) -> None:
    assert OPTION.validate_python(names) == names


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_token_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"is not a name of letters, digits and"):
        OPTION.validate_python(["chat", name])


@pytest.mark.parametrize("names", [["a", "b", "a"], ["a", "a"]])
def test_name_stands_there_once(names: list[str]) -> None:
    with pytest.raises(ValidationError, match=r"here once, 'a' more often"):
        OPTION.validate_python(names)


def test_names_that_differ_in_case_differ() -> None:
    assert OPTION.validate_python(["chat", "Chat"]) == ["chat", "Chat"]


@pytest.mark.parametrize("value", ["chat", None, [None], [7], {"chat": 1}])
def test_option_is_a_list_of_texts(value: Any) -> None:
    with pytest.raises(ValidationError):
        OPTION.validate_python(value)


# What a client offers


@pytest.mark.parametrize(
    ("values", "offered"),
    [
        ([], ()),
        ([""], ()),
        (["chat"], ("chat",)),
        (["b, a"], ("b", "a")),
        (["b,a"], ("b", "a")),
        (["b", "a"], ("b", "a")),
        ([" b \t,\ta ", "c"], ("b", "a", "c")),
        ([",, a,,"], ("a",)),
        (["a, b, a", "a"], ("a", "b")),
        (["Chat, chat"], ("Chat", "chat")),
    ],
)
def test_offers_of_all_lines_are_one_list(values: list[str], offered: tuple[str, ...]) -> None:
    assert offered_subprotocols(header(*values)) == offered


@pytest.mark.parametrize("name", [name for name in NO_NAMES if "," not in name])
def test_offer_that_could_not_be_answered_is_left_out(name: str) -> None:
    assert offered_subprotocols(header(f"a, {name}, b")) == ("a", "b")


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_whatever_is_offered_can_be_chosen(values: list[bytes]) -> None:
    offered = offered_subprotocols([(b"sec-websocket-protocol", value) for value in values])

    assert [check_subprotocol(name) for name in offered] == list(dict.fromkeys(offered))


# The choice


@pytest.mark.parametrize(
    ("known", "offered", "chosen"),
    [
        (["a", "b"], ["b", "a"], "a"),
        (["a", "b"], ["c", "b"], "b"),
        (["a"], ["A"], None),
        (["a"], ["b"], None),
        (["a"], [], None),
        ([], ["a"], None),
    ],
)
def test_service_takes_the_one_that_it_likes_best(
    known: list[str], offered: list[str], chosen: str | None
) -> None:
    assert first_offered(known, offered) == chosen
