"""The JSON Schema of config models: each option as a file may have it."""

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import override

from app.static_config.json_schema import JsonConfigSchema


class ConfigJsonSchema(JsonConfigSchema):
    """The same, where a section that is not required may also have nothing in it."""

    @override
    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
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
