from typing import Annotated, Any

import pytest
from pydantic import Field, ValidationError

from app.static_config.document import OptionPath
from app.static_config.model import (
    NO_EFFECT_YET,
    ConfigModel,
    Mark,
    TaskProcessorName,
    has_mark,
    is_model,
    model_at,
    models_in,
    option_name,
    options_of,
    walk,
    without_empty_sections,
)


class Part(ConfigModel):
    used: int = 0
    idle: Annotated[int, NO_EFFECT_YET] = 0
    word: str | None = None


class Whole(ConfigModel):
    idle_first: Annotated[str, NO_EFFECT_YET] = Field(default="", alias="idle-first")
    part: Part = Part()
    maybe: Part | None = None
    marked: Annotated[Part | None, NO_EFFECT_YET] = None
    by_name: dict[str, Part] = Field(default={}, alias="by-name")
    in_order: list[Part] = Field(default=[])
    deep: dict[str, list[dict[str, Part]]] | None = None
    numbers: list[int] = Field(default=[])
    processor: TaskProcessorName | None = None
    count: int | None = None


def found(value: object, annotation: object = Whole) -> list[OptionPath]:
    """Return the paths of the options that a document sets."""
    return [path for path, _, _ in walk(annotation, value, ())]


def test_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="extra_forbidden"):
        Part.model_validate({"usde": 1})


@pytest.mark.parametrize("value", ["1", 1.0, True, None, b"1"])
def test_type_is_not_coerced(value: object) -> None:
    with pytest.raises(ValidationError, match="used"):
        Part.model_validate({"used": value})


def test_instance_never_changes() -> None:
    part = Part()

    with pytest.raises(ValidationError, match="frozen"):
        part.used = 1  # type: ignore[misc]  # shows what mypy, too, refuses


def test_field_goes_by_its_alias_and_by_its_name() -> None:
    by_alias = Whole.model_validate({"idle-first": "x"})
    by_name = Whole(idle_first="x")

    assert by_alias == by_name


@pytest.mark.parametrize("option", ["idle-first", "nothing", "part", "by-name", "in_order"])
def test_null_is_refused_where_it_is_no_value(option: str) -> None:
    with pytest.raises(ValidationError, match=option):
        Whole.model_validate({option: None})


def test_null_is_the_value_of_an_option_that_may_be_null() -> None:
    assert Part.model_validate({"word": None}).model_fields_set == {"word"}


@pytest.mark.parametrize("value", [None, 1, "part", [None]])
def test_what_is_no_mapping_is_no_section(value: object) -> None:
    with pytest.raises(ValidationError, match="model_type"):
        Part.model_validate(value)


@pytest.mark.parametrize(
    "section", ["part", "maybe", "marked", "by-name", "in_order", "deep", "numbers"]
)
def test_section_without_anything_in_it_is_left_out(section: str) -> None:
    assert without_empty_sections(Whole, {section: None, "count": 1}) == {"count": 1}


@pytest.mark.parametrize("option", ["idle-first", "processor", "count", "unknown", "by_name"])
def test_null_that_is_no_section_stays(option: str) -> None:
    assert without_empty_sections(Whole, {option: None}) == {option: None}


@pytest.mark.parametrize(
    ("annotation", "value", "left"),
    [
        (Whole | None, {"part": None}, {}),
        (dict[str, Whole], {"a": {"part": None}, "b": None}, {"a": {}, "b": None}),
        (list[Whole], [{"part": None, "count": None}, None], [{"count": None}, None]),
        (
            dict[str, list[Whole]],
            {"a": [{"maybe": {"word": None}}]},
            {"a": [{"maybe": {"word": None}}]},
        ),
    ],
)
def test_sections_within_others_are_left_out_and_members_of_mappings_and_lists_stay(
    annotation: object, value: object, left: object
) -> None:
    assert without_empty_sections(annotation, value) == left


@pytest.mark.parametrize("value", [None, 1, "part", ["part", None], {"part": ["x"]}, {"part": 1}])
def test_what_does_not_fit_the_model_stays_for_the_model_to_refuse(value: object) -> None:
    assert without_empty_sections(Whole, value) == value


def test_value_that_sections_are_left_out_of_is_as_it_was() -> None:
    value = {"part": None, "in_order": [{"word": None}]}

    without_empty_sections(Whole, value)

    assert value == {"part": None, "in_order": [{"word": None}]}


def test_option_is_called_by_its_alias_if_it_has_one() -> None:
    fields = Whole.model_fields

    assert option_name("idle_first", fields["idle_first"]) == "idle-first"
    assert option_name("part", fields["part"]) == "part"


def test_options_of_a_model_have_their_names_in_a_file_and_its_order() -> None:
    options = options_of(Whole)

    assert list(options)[:5] == ["idle-first", "part", "maybe", "marked", "by-name"]
    assert options["by-name"] is Whole.model_fields["by_name"]


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ((), Whole),
        (("part",), Part),
        (("maybe",), Part),
        (("marked",), Part),
        (("by-name", "x"), Part),
        (("in_order", 3), Part),
        (("deep", "x", 0, "y"), Part),
        (("by-name",), None),
        (("deep", "x", 0), None),
        (("numbers",), None),
        (("numbers", 0), None),
        (("count",), None),
        (("count", "x"), None),
        (("by_name", "x"), None),
        (("other",), None),
        (("other", "x", 1), None),
    ],
)
def test_model_of_a_section_is_found_by_its_path(path: OptionPath, model: object) -> None:
    assert model_at(Whole, path) is model


def test_model_is_found_in_a_mapping_of_models() -> None:
    assert model_at(dict[str, Part], ("x",)) is Part
    assert model_at(int, ()) is None


def test_models_of_a_section_are_found_with_their_paths() -> None:
    assert list(models_in(Whole)) == [
        ((), Whole),
        (("part",), Part),
        (("maybe",), Part),
        (("marked",), Part),
        (("by-name", "<name>"), Part),
        (("in_order", "<number>"), Part),
        (("deep", "<name>", "<number>", "<name>"), Part),
    ]


@pytest.mark.parametrize("annotation", [int, str | None, list[int], dict[str, list[bool]]])
def test_type_without_sections_has_no_models(annotation: object) -> None:
    assert list(models_in(annotation, ("here",))) == []


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [(Part, True), (Part(), False), (Part | None, False), (int, False), (list[Part], False)],
)
def test_model_is_a_class_of_models(annotation: object, expected: bool) -> None:
    assert is_model(annotation) is expected


def test_options_that_a_file_sets_are_found_in_the_order_of_the_fields() -> None:
    paths = found({"count": 1, "part": {"idle": 1, "used": 2}, "idle-first": "x"})

    assert paths == [
        ("idle-first",),
        ("part",),
        ("part", "used"),
        ("part", "idle"),
        ("count",),
    ]


def test_options_are_found_in_mappings_and_lists_of_sections() -> None:
    paths = found(
        {
            "by-name": {"b": {"used": 1}, "a": {}},
            "in_order": [{}, {"idle": 1}],
            "deep": {"x": [{"y": {"used": 1}}]},
        }
    )

    assert paths == [
        ("by-name",),
        ("by-name", "b", "used"),
        ("in_order",),
        ("in_order", 1, "idle"),
        ("deep",),
        ("deep", "x", 0, "y", "used"),
    ]


def test_option_comes_with_its_field_and_its_plain_value() -> None:
    assert list(walk(Part, {"used": "not a number"}, ("here",))) == [
        (("here", "used"), Part.model_fields["used"], "not a number")
    ]


def test_option_set_to_its_default_is_found() -> None:
    assert found({"idle-first": ""}) == [("idle-first",)]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({}, id="empty"),
        pytest.param(None, id="null"),
        pytest.param(7, id="number"),
        pytest.param("part", id="text"),
        pytest.param([{"used": 1}], id="list for a mapping"),
        pytest.param({"other": {"used": 1}}, id="unknown option"),
        pytest.param({"idle_first": "x"}, id="name of a field that has an alias"),
    ],
)
def test_what_does_not_fit_the_model_is_passed_over(value: object) -> None:
    assert found(value) == []


@pytest.mark.parametrize("value", [3, [3], {"x": 3}, {"x": {"y": [None]}}])
def test_what_does_not_fit_an_option_is_passed_over(value: object) -> None:
    assert found({"part": value, "count": value}) == [("part",), ("count",)]


@pytest.mark.parametrize(
    ("option", "mark", "expected"),
    [
        ("idle-first", Mark.NO_EFFECT_YET, True),
        ("marked", Mark.NO_EFFECT_YET, True),
        ("processor", Mark.TASK_PROCESSOR, True),
        ("processor", Mark.NO_EFFECT_YET, False),
        ("part", Mark.NO_EFFECT_YET, False),
        ("count", Mark.TASK_PROCESSOR, False),
    ],
)
def test_mark_of_a_field_is_found(option: str, mark: Mark, expected: bool) -> None:
    field: Any = options_of(Whole)[option]

    assert has_mark(field, mark) is expected
