import pytest

from app.static_config.document import (
    Document,
    OptionPath,
    Place,
    Places,
    Problem,
    dotted,
)
from tests.helpers.documents import plain_document

VALUE = {"server": {"port": 8080, "tls": None, "hosts": ["a", {"b": 1}]}}

PLACES = Places(
    Place("c.yaml", 1),
    {("server",): Place("c.yaml", 2), ("server", "port"): Place("c.yaml", 3)},
)


def document(*undecided: OptionPath) -> Document:
    return Document(VALUE, PLACES, undecided=frozenset(undecided))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (Place("c.yaml", 3), "c.yaml:3"),
        (Place("defaults"), "defaults"),
        (Place("c.yaml", 3, "variable 'x'"), "c.yaml:3"),
    ],
)
def test_place_is_a_file_and_a_line_if_it_has_one(place: Place, text: str) -> None:
    assert str(place) == text


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem(Place("c.yaml", 3), ("a", 0, "b"), "bad"), "c.yaml:3: a.0.b: bad"),
        (Problem(Place("c.yaml"), (), "bad"), "c.yaml: bad"),
        (
            Problem(Place("c.yaml", 3, "variable 'x' in v.yaml:1"), ("a",), "bad"),
            "c.yaml:3: a: bad (from variable 'x' in v.yaml:1)",
        ),
    ],
)
def test_problem_tells_place_option_text_and_origin(problem: Problem, text: str) -> None:
    assert str(problem) == text


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(Problem(Place("c\n.yaml", 3), ("a",), "bad"), id="file"),
        pytest.param(Problem(Place("c.yaml", 3), ("a\u2028b",), "bad"), id="option"),
        pytest.param(Problem(Place("c.yaml"), (), "no file a\r\x1b[31m\ud800"), id="text"),
        pytest.param(Problem(Place("c.yaml", 3, "file a\nb"), (), "bad"), id="origin"),
    ],
)
def test_problem_is_one_line_of_printable_text(problem: Problem) -> None:
    assert str(problem).isprintable()


def test_what_is_not_printable_is_escaped_once_and_the_rest_stays() -> None:
    problem = Problem(Place("C:\\ü.yaml"), ("a\nb",), "no file 'x\ty'")

    assert str(problem) == r"C:\ü.yaml: 'a\nb': no file 'x\ty'"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a", "b-c", 10, "$d"), "a.b-c.10.$d"),
        (("ключ",), "ключ"),
        (("a", "", "b"), "a.''.b"),
        (("a b", "it's"), "a b.it's"),
        ((" a", "b "), "' a'.'b '"),
        (("a.b", 0), "'a.b'.0"),
        (("line\nbreak",), r"'line\nbreak'"),
        (("\x1b[31m",), r"'\x1b[31m'"),
        (("\ud800",), r"'\ud800'"),
    ],
)
def test_path_is_one_line_of_text_in_which_each_key_is_seen_as_one(
    path: OptionPath, text: str
) -> None:
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("server", "port"), 3),
        (("server", "tls"), 2),
        (("server", "hosts", 1, "b"), 2),
        (("other",), 1),
        ((), 1),
    ],
)
def test_place_of_an_option_is_the_nearest_that_is_known(path: OptionPath, line: int) -> None:
    assert PLACES.of(path) == Place("c.yaml", line)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((), VALUE),
        (("server", "port"), 8080),
        (("server", "hosts", 0), "a"),
        (("server", "hosts", 1, "b"), 1),
    ],
)
def test_value_is_found_by_its_path(path: OptionPath, value: object) -> None:
    assert document().has(path)
    assert document().value_at(path) == value


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(("other",), id="no such key"),
        pytest.param(("server", "hosts", 2), id="behind the end of a list"),
        pytest.param(("server", "hosts", -1), id="before the beginning of a list"),
        pytest.param(("server", "hosts", "0"), id="a key in a list"),
        pytest.param(("server", 0), id="a position in a mapping"),
        pytest.param(("server", "port", "x"), id="within a number"),
        pytest.param(("server", "hosts", 0, 0), id="within a text"),
        pytest.param(("server", "tls", "x"), id="within nothing"),
    ],
)
def test_path_to_nowhere_has_no_value(path: OptionPath) -> None:
    assert not document().has(path)
    assert document().value_at(path) is None
    assert document().mapping(path) == {}


def test_null_is_a_value() -> None:
    assert document().has(("server", "tls"))
    assert document().value_at(("server", "tls")) is None


@pytest.mark.parametrize("path", [("server", "port"), ("server", "tls"), ("server", "hosts")])
def test_what_is_no_mapping_reads_as_an_empty_one(path: OptionPath) -> None:
    assert document().mapping(path) == {}


def test_mapping_is_found_by_its_path() -> None:
    assert document().mapping() == VALUE
    assert document().mapping(("server",)) == VALUE["server"]


@pytest.mark.parametrize(
    ("path", "undecided", "hidden"),
    [
        (("server", "tls"), True, True),
        (("server", "tls", "cert"), True, True),
        (("server",), False, True),
        ((), False, True),
        (("server", "port"), False, False),
        (("server", "tls2"), False, False),
        (("tls",), False, False),
    ],
)
def test_undecided_value_decides_nothing_within_it_and_hides_what_it_stands_in(
    path: OptionPath, undecided: bool, hidden: bool
) -> None:
    unsure = document(("server", "tls"))

    assert unsure.is_undecided(path) is undecided
    assert unsure.hides(path) is hidden


def test_nothing_is_hidden_where_all_is_decided() -> None:
    assert not document().hides(())


def test_plain_document_has_one_place_for_all() -> None:
    plain = plain_document("defaults", {"a": {"b": 1}})

    assert plain.value_at(("a", "b")) == 1
    assert str(plain.places.of(("a", "b"))) == "defaults"
    assert plain.problems == ()
