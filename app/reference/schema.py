"""The JSON Schema of the static config."""

import json
import re
from typing import Final, cast

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue, models_json_schema

from app.components.component_list import ComponentList
from app.components.static_config import COMPONENTS, MANAGER
from app.reference.json_schema import ConfigJsonSchema, or_nothing, with_alternative
from app.reference.texts import summary
from app.static_config.config_vars import CONFIG_VARS
from app.static_config.lookup import ENV, FALLBACK, FILE
from app.static_config.manager import ManagerConfig


def config_schema(components: ComponentList) -> str:
    """Return the schema of a static config of these components, as JSON (draft 2020-12).

    It refuses what the service refuses as far as a schema can know that: not by what an option
    means, nor by which options go together.
    """
    sections, models = _sections(components)
    manager = sections.pop(MANAGER)
    manager["properties"][COMPONENTS] = or_nothing(
        _closed({"properties": sections, "description": "A section for each component."})
    )
    root = {
        "description": "The static config of the service.",
        "properties": {MANAGER: manager, CONFIG_VARS: _CONFIG_VARS},
        "required": [MANAGER],
    }
    made = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_as_in_file(_closed(root)),
        "$defs": {
            **{name: _as_in_file(model) for name, model in models.items()},
            "variable": _VARIABLE,
        },
    }
    return json.dumps(made, indent=2, ensure_ascii=False)


def _sections(
    components: ComponentList,
) -> tuple[dict[str, JsonSchemaValue], dict[str, JsonSchemaValue]]:
    """Return the schemas of all sections by name, and those of the models within them."""
    configs: dict[str, type[BaseModel]] = {MANAGER: ManagerConfig}
    configs |= {entry.section: entry.component.Config for entry in components}
    references, document = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(configs.values())],
        schema_generator=ConfigJsonSchema,
    )
    models = document["$defs"]
    names = {
        section: references[model, "validation"]["$ref"].rpartition("/")[-1]
        for section, model in configs.items()
    }
    sections = {section: dict(models[name]) for section, name in names.items()}
    for entry in components:
        section = {**sections[entry.section], "description": summary(entry.component)}
        sections[entry.section] = section if "required" in section else or_nothing(section)
    used = set(names.values())
    return sections, {name: models[name] for name in sorted(models) if name not in used}


def _closed(mapping: JsonSchemaValue) -> JsonSchemaValue:
    """Return the schema of a mapping with these keys and no others."""
    return {"type": "object", "additionalProperties": False, **mapping}


def _as_in_file(schema: JsonSchemaValue) -> JsonSchemaValue:
    """Return a schema that also allows what is put in: `$variable`, `K#env`, `K#file`.

    `app.static_config.substitution` says what these are.
    """
    made = dict(schema)
    if options := cast(dict[str, JsonSchemaValue], schema.get("properties")):
        made["properties"] = {name: _value(option) for name, option in options.items()}
        made["patternProperties"] = _put_in(f"^({'|'.join(map(_literally, options))})")
        if required := made.pop("required", []):
            made["allOf"] = [_given(name) for name in required]
    elif isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _value(schema["additionalProperties"])
        made["patternProperties"] = _put_in("")
    elif "items" in schema:
        made["items"] = _value(schema["items"])
    elif "anyOf" in schema:
        made["anyOf"] = [_as_in_file(each) for each in schema["anyOf"]]
    return made


def _value(schema: JsonSchemaValue) -> JsonSchemaValue:
    return with_alternative(_as_in_file(schema), {"$ref": "#/$defs/variable"})


def _put_in(options: str) -> JsonSchemaValue:
    """Return what stands beside options, whose names are given as a pattern."""
    name = {"type": "string", "minLength": 1}
    return {f"{options}({ENV}|{FILE})$": name, f"{options}{FALLBACK}$": True}


def _given(name: str) -> JsonSchemaValue:
    """Return the schema of a mapping in which an option has a value."""
    return {"anyOf": [{"required": [f"{name}{suffix}"]} for suffix in ("", ENV, FILE)]}


def _literally(name: str) -> str:
    """Return a pattern, in the dialect of JSON Schema, of this name only."""
    return re.sub(r"[\\^$.|?*+()\[\]{}/]", r"\\\g<0>", name)


_CONFIG_VARS: Final[JsonSchemaValue] = {
    "type": ["string", "null"],
    "minLength": 1,
    "description": "YAML file of variables; relative to the current directory.",
}

_VARIABLE: Final[JsonSchemaValue] = {
    "type": "string",
    "pattern": r"^\$",
    "description": "A variable of the file that `config_vars` names.",
}
