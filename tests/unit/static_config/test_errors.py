import pickle

import pytest

from app.exceptions import ConfigError
from app.static_config.document import OptionPath, Place, Problem
from app.static_config.errors import ConfigFileError, OptionError, did_you_mean


def problem(file: str, line: int | None, text: str = "bad") -> Problem:
    return Problem(Place(file, line), ("a",), text)


def test_each_problem_is_a_line() -> None:
    error = ConfigFileError([problem("c.yaml", 1), problem("c.yaml", 2, "worse")])

    assert str(error) == "c.yaml:1: a: bad\nc.yaml:2: a: worse"


def test_problems_are_told_file_by_file_and_line_by_line() -> None:
    error = ConfigFileError(
        [
            problem("z.yaml", 10),
            problem("a.yaml", 5),
            problem("z.yaml", 9),
            problem("a.yaml", None),
            problem("z.yaml", 100),
        ]
    )

    assert [str(each.place) for each in error.problems] == [
        "z.yaml:9",
        "z.yaml:10",
        "z.yaml:100",
        "a.yaml",
        "a.yaml:5",
    ]


def test_problems_in_one_line_keep_their_order() -> None:
    error = ConfigFileError([problem("c.yaml", 1, "second"), problem("c.yaml", 1, "first")])

    assert [each.text for each in error.problems] == ["second", "first"]


def test_problem_is_told_once() -> None:
    error = ConfigFileError([problem("c.yaml", 1), problem("c.yaml", 2), problem("c.yaml", 1)])

    assert error.problems == (problem("c.yaml", 1), problem("c.yaml", 2))


def test_bad_files_are_a_mistake_in_a_config() -> None:
    assert issubclass(ConfigFileError, ConfigError)


def test_problems_may_come_one_by_one() -> None:
    error = ConfigFileError(problem("c.yaml", line) for line in (2, 1))

    assert [each.place.line for each in error.problems] == [1, 2]


def test_error_about_files_survives_pickling() -> None:
    error = ConfigFileError([problem("c.yaml", 2), problem("b.yaml", 1)])

    copy = pickle.loads(pickle.dumps(error))

    assert copy.problems == error.problems
    assert str(copy) == str(error)


@pytest.mark.parametrize(
    ("refusals", "text"),
    [
        ({(): "is odd"}, "is odd"),
        ({("a", 0): "is odd"}, "a.0: is odd"),
        ({("a",): "is odd", (): "too much"}, "a: is odd; too much"),
    ],
)
def test_refused_options_are_told_with_their_paths(
    refusals: dict[OptionPath, str], text: str
) -> None:
    assert str(OptionError(refusals)) == text


def test_refusal_is_an_error_that_pydantic_takes_from_a_validator() -> None:
    assert issubclass(OptionError, ValueError)
    assert issubclass(OptionError, ConfigError)


def test_refusal_does_not_follow_the_mapping_it_was_made_of() -> None:
    refusals: dict[OptionPath, str] = {("a",): "is odd"}
    error = OptionError(refusals)

    refusals.clear()

    assert error.refusals == {("a",): "is odd"}


def test_refusal_survives_pickling() -> None:
    error = OptionError({("a", 1): "is odd"})

    assert pickle.loads(pickle.dumps(error)).refusals == error.refusals


@pytest.mark.parametrize(
    ("name", "known", "meant"),
    [
        ("prot", ["host", "port"], "port"),
        ("max_payload", ["max-payload", "min-payload"], "max-payload"),
        ("Max-Payload", ["max-payload"], "max-payload"),
        ("max-payload", ["MAX_PAYLOAD"], "MAX_PAYLOAD"),
        ("task-procesor", iter(["task_processor"]), "task_processor"),
    ],
)
def test_near_name_is_proposed_as_it_is_written(name: str, known: list[str], meant: str) -> None:
    assert did_you_mean(name, known) == f"; did you mean '{meant}'?"


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("port", []),
        ("port", ["listener", "tls"]),
        ("", ["port"]),
        ("on", ["one", "on-off"]),
        ("fs", ["fs2"]),
    ],
)
def test_nothing_is_proposed_where_nothing_is_near(name: str, known: list[str]) -> None:
    assert did_you_mean(name, known) == ""
