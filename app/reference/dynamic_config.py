"""The page about the variables of the dynamic config, and a file with their defaults."""

import json
import textwrap
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

from app.components.component_list import ComponentList
from app.dynamic_config.variable import Variable
from app.reference.json_schema import ConfigJsonSchema
from app.reference.tables import NO_EFFECT_YET, options_table
from app.reference.texts import description, explanation
from app.reference.types_in_words import in_words, value_in_words
from app.static_config.document import dotted
from app.static_config.model import models_in


def dynamic_config_defaults(components: ComponentList) -> str:
    """Return all variables with their defaults: the text of a file of fallback values."""
    defaults = {each.name: each.dump(each.default) for each in components.variables}
    return json.dumps(dict(sorted(defaults.items())), indent=4)


def dynamic_config_reference(components: ComponentList) -> str:
    """Return a page about all variables, as Markdown."""
    head = files("app.reference").joinpath("dynamic_config.md").read_text(encoding="utf-8")
    variables = sorted(components.variables, key=lambda each: each.name)
    return "\n\n".join([head.rstrip(), *(part for each in variables for part in _variable(each))])


def _variable(variable: Variable[Any]) -> Iterator[str]:
    """Yield the parts of the page about a variable."""
    idle = variable.no_effect_yet
    schema = variable.adapter.json_schema(schema_generator=ConfigJsonSchema)
    yield f"## `{variable.name}`"
    yield f"{NO_EFFECT_YET} {variable.description}" if idle else variable.description
    yield "\n".join(
        [
            f"- type: {in_words(schema)}",
            f"- {'will be ' if idle else ''}read by: {variable.reader}",
            f"- default:{_default(variable)}",
        ]
    )
    for path, model in models_in(variable.type_, (variable.name,)):
        is_whole = path == (variable.name,)
        if not is_whole:
            yield f"### `{dotted(path)}`"
        if text := explanation(model) if is_whole else description(model):
            yield text
        yield options_table(model)


def _default(variable: Variable[Any]) -> str:
    """Return the default as it is declared: a key that is not in it has a default of its own."""
    default = variable.dump(variable.default)
    if len(value_in_words(default)) <= _SHORT:
        return f" {value_in_words(default)}"
    block = f"```json\n{json.dumps(default, indent=4)}\n```"
    return f"\n\n{textwrap.indent(block, '  ')}"


_SHORT: Final = 80
