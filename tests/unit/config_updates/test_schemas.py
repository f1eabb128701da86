import json
from typing import Annotated

from pydantic import Field

from app.config_updates.protocol import SchemasRequest, VariableSchema
from app.config_updates.schemas import variables_schemas
from app.dynamic_config.variable import Variable
from app.kit_variables import KIT_VARIABLES
from app.static_config.duration import Duration
from app.static_config.model import ConfigModel


class Limits(ConfigModel):
    """Some limits."""

    names: list[str] = Field(default=[], description="Names.")
    timeout: Duration = Field(default=1.5, description="A time.")


LIMITS = Variable("LIMITS", Limits, {"timeout": "2s"}, description="Limits.", reader="tests")


def test_variable_is_told_with_schema_default_and_description() -> None:
    number = Variable(
        "NUMBER", Annotated[int, Field(ge=1)], 5, description="A number.", reader="tests"
    )

    assert variables_schemas([number]) == {
        "NUMBER": VariableSchema(
            schema_={"type": "integer", "minimum": 1}, default=5, description="A number."
        )
    }


def test_default_is_as_it_stands_in_json() -> None:
    assert variables_schemas([LIMITS])["LIMITS"].default == {"timeout": "2s"}


def test_nothing_may_stand_for_an_object_or_a_list() -> None:
    """In a static config that may be so; in a dynamic one the service would refuse it."""
    properties = variables_schemas([LIMITS])["LIMITS"].schema_["properties"]

    assert properties["names"]["type"] == "array"


def test_variables_of_the_kit_go_over_the_wire() -> None:
    schemas = variables_schemas(KIT_VARIABLES)
    request = SchemasRequest(service="chat", variables=schemas)

    again = SchemasRequest.model_validate_json(request.model_dump_json(by_alias=True))

    assert again == request
    assert json.loads(request.model_dump_json(by_alias=True))["variables"].keys() == {
        each.name for each in KIT_VARIABLES
    }
