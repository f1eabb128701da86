"""What a service hands in to its config service, so that nobody sets what it would refuse."""

from collections.abc import Iterable
from typing import Any

from app.config_updates.protocol import VariableSchema
from app.dynamic_config.variable import Variable
from app.static_config.json_schema import JsonConfigSchema


def variables_schemas(variables: Iterable[Variable[Any]]) -> dict[str, VariableSchema]:
    """Return what there is to say of variables, by their names: see `SchemasRequest`."""
    return {each.name: _schema(each) for each in variables}


def _schema(variable: Variable[Any]) -> VariableSchema:
    return VariableSchema(
        schema_=variable.adapter.json_schema(schema_generator=JsonConfigSchema),
        default=variable.dump(variable.default),
        description=variable.description,
    )
