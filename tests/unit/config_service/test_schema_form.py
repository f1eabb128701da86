from typing import Any

import pytest

from app.config_service.schema_form import wrong_schema

REFUSED = "no JSON Schema that is taken: "


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "int"}, "type: expected array, boolean, integer, null, number, object, string"),
        ({"type": []}, "type: expected array, boolean"),
        ({"type": ["null"] * 8}, "type: expected array, boolean"),
        ({"properties": []}, "properties: expected an object"),
        ({"properties": {"a": 1}}, "properties.a: expected an object, true or false"),
        ({"minimum": "1"}, "minimum: expected a number"),
        ({"minimum": True}, "minimum: expected a number"),
        ({"multipleOf": 0}, "multipleOf: expected a number above 0"),
        ({"maxLength": -1}, "maxLength: expected a whole number, 0 or more"),
        ({"anyOf": []}, "anyOf: expected a list with at least one schema"),
        ({"anyOf": [{}, {"items": 1}]}, "anyOf.1.items: expected an object, true or false"),
        ({"enum": []}, "enum: expected a list with at least one value"),
        ({"enum": [[1]]}, "enum: expected texts, numbers, true, false or null"),
        ({"const": {}}, "const: expected texts"),
        ({"required": "a"}, "required: expected a list of texts"),
        ({"uniqueItems": 1}, "uniqueItems: expected true or false"),
        ({"pattern": 1}, "pattern: expected a text"),
        ({"pattern": "a" * 1001}, "pattern: a pattern has at most 1000 characters"),
        ({"pattern": r"((\w{30}){30}){30}"}, "pattern: this pattern repeats too much"),
        ({"patternProperties": {"(.{99}){999}": {}}}, "patternProperties: this pattern repeats"),
    ],
)
def test_schema_that_is_none_is_told(schema: dict[str, Any], text: str) -> None:
    assert wrong_schema(schema).startswith(REFUSED + text)


@pytest.mark.parametrize(
    "reference",
    ["http://127.0.0.1:1/schema", "#/$defs/none", "#/default", "#/properties/a", "#a", "", 5, {}],
)
def test_reference_leads_to_the_schema_itself_or_to_its_definitions(reference: object) -> None:
    schema = {"$defs": {"a": {}}, "default": 5, "properties": {"a": {"$ref": reference}}}

    assert wrong_schema(schema).startswith(
        f"{REFUSED}properties.a.$ref: there is no {str(reference)!r}"
    )
    for good in ("#", "#/$defs/a"):
        assert wrong_schema({**schema, "properties": {"a": {"$ref": good}}}) == ""


@pytest.mark.parametrize("definitions", [[], 5, "a", {"b": {}}])
def test_reference_to_definitions_that_are_not_there_is_told(definitions: object) -> None:
    assert wrong_schema({"$ref": "#/$defs/a", "$defs": definitions})


@pytest.mark.parametrize(
    "keyword",
    [
        "$anchor",
        "$dynamicAnchor",
        "$dynamicRef",
        "$id",
        "$recursiveRef",
        "$vocabulary",
        "contains",
        "definitions",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "if",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    ],
)
def test_keyword_that_no_service_of_the_kit_hands_in_is_refused(keyword: str) -> None:
    text = f"{keyword}: this keyword is not known here"

    assert wrong_schema({keyword: {}}).startswith(REFUSED + text)
    assert wrong_schema({"allOf": [{keyword: {}}]}).startswith(f"{REFUSED}allOf.0.{text}")
    # As a name it is like any other, and so it is within a value.
    assert wrong_schema({"properties": {keyword: {}}, "default": {keyword: 1}}) == ""


@pytest.mark.parametrize("keyword", ["$schema", "$defs"])
def test_keyword_of_the_top_is_refused_further_down(keyword: str) -> None:
    text = f"allOf.0.{keyword}: this keyword is known at the top only"

    assert wrong_schema({keyword: {}}) == ""
    assert wrong_schema({"allOf": [{keyword: {}}]}) == REFUSED + text


def test_keyword_that_is_none_may_be_a_typing_error() -> None:
    assert wrong_schema({"minimun": 1}).endswith("did you mean 'minimum'?")
    assert wrong_schema({"x-unit": "seconds"}) == ""


def test_schema_that_is_nested_too_deeply_is_told() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"items": schema}

    assert wrong_schema(schema) == f"{REFUSED}nested too deeply"
