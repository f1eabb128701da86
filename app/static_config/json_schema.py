"""The JSON Schema of config models: each option as it stands in JSON."""

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from app.static_config import duration

DURATION: Final[JsonSchemaValue] = {
    "type": ["integer", "string"],
    "minimum": 0,
    "pattern": f"^{duration.DURATION}$",
}
"""A `Duration`: the bounds are those of a number of seconds."""


class JsonConfigSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema, as `ConfigModel` and `Duration` behave.

    Titles, which pydantic makes up from names, and defaults that are null say nothing, and are left
    out.
    """

    @override
    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        made = super().generate_inner(schema)
        return {_KEYWORDS.get(key, key): value for key, value in made.items()}

    @override
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    @override
    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        if schema["function"]["function"] is duration.parse_duration:
            return DURATION.copy()
        return super().function_before_schema(schema)

    @override
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        default = made.get("default")
        if default is None:
            made.pop("default", None)
        elif any(each.get("type") == DURATION["type"] for each in made.get("anyOf", [made])):
            made["default"] = duration.written_duration(default)
        return made

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        del made["title"]
        return made


_KEYWORDS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
"""What pydantic calls the bounds of a type that it does not know, and JSON Schema calls them."""
