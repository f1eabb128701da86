"""The JSON Schema of config models: each option as a file may have it."""

from typing import Any, Final

from pydantic import BaseModel
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


class ConfigJsonSchema(GenerateJsonSchema):
    """Pydantic's JSON Schema, as `ConfigModel` and `Duration` behave in a file.

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
        for name, option in made["properties"].items():
            if name not in made.get("required", ()) and _is_section(option):
                made["properties"][name] = or_nothing(option)
        return made


def schema_of(model: type[BaseModel]) -> JsonSchemaValue:
    """Return the schema of a model; those of the models within it are its `$defs`."""
    return model.model_json_schema(schema_generator=ConfigJsonSchema)


def or_nothing(section: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of a section of which a file may have no more than the name."""
    return with_alternative(section, {"type": "null"})


def with_alternative(option: JsonSchemaValue, other: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of an option that may also be something else."""
    about: JsonSchemaValue = {
        key: option[key] for key in ("description", "default") if key in option
    }
    rest = {key: value for key, value in option.items() if key not in about}
    return about | {"anyOf": [*rest.get("anyOf", [rest]), other]}


def _is_section(option: JsonSchemaValue) -> bool:
    return "$ref" in option or option.get("type") in ("array", "object")


_KEYWORDS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
}
"""What pydantic calls the bounds of a type that it does not know, and JSON Schema calls them."""
