"""Tables of options, as Markdown."""

from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue

from app.reference.json_schema import schema_of
from app.reference.types_in_words import in_words, value_in_words
from app.static_config.model import Mark, has_mark, is_model, options_of

NO_EFFECT_YET: Final = "**No effect yet.**"


def options_table(model: type[BaseModel]) -> str:
    """Return a table of all options of a section."""
    schemas = schema_of(model)["properties"]
    rows = [
        [
            f"`{name}`",
            _type(field, schemas[name]),
            _default(field, schemas[name]),
            _effect(field),
        ]
        for name, field in options_of(model).items()
    ]
    return "\n".join(f"| {' | '.join(map(_cell, row))} |" for row in (*_HEAD, *rows))


def _type(field: FieldInfo, schema: JsonSchemaValue) -> str:
    return "name of a task processor" if has_mark(field, Mark.TASK_PROCESSOR) else in_words(schema)


def _default(field: FieldInfo, schema: JsonSchemaValue) -> str:
    if field.is_required():
        return "required"
    if is_model(type(field.default)):
        return "as below"
    return value_in_words(schema["default"]) if "default" in schema else "none"


def _effect(field: FieldInfo) -> str:
    idle = has_mark(field, Mark.NO_EFFECT_YET)
    return f"{NO_EFFECT_YET} {field.description}" if idle else str(field.description)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


_HEAD: Final = (("option", "type and bounds", "default", "what it does"), ("---",) * 4)
