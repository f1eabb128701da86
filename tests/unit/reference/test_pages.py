"""What is generated is there as it would be generated now, and has something to say of all."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.components.component_list import ComponentList
from app.dynamic_config.variable import Variable
from app.main import COMPONENTS
from app.reference.dynamic_config import dynamic_config_reference
from app.reference.schema import config_schema
from app.reference.static_config import static_config_reference
from app.static_config.manager import ManagerConfig
from app.static_config.model import models_in

PROJECT = Path(__file__).parents[3]

TYPES: dict[str, Any] = {
    "components_manager": ManagerConfig,
    **{entry.section: entry.component.Config for entry in COMPONENTS},
    **{variable.name: variable.type_ for variable in COMPONENTS.variables},
}
MODELS: list[type[BaseModel]] = list(
    dict.fromkeys(model for type_ in TYPES.values() for _, model in models_in(type_))
)


@pytest.mark.parametrize(
    ("file", "make"),
    [
        ("docs/static_config.md", static_config_reference),
        ("docs/dynamic_config.md", dynamic_config_reference),
        ("config/static_config.schema.json", config_schema),
    ],
)
def test_file_is_as_it_would_be_made_now(file: str, make: Callable[[ComponentList], str]) -> None:
    written = (PROJECT / file).read_text(encoding="utf-8")

    assert written == make(COMPONENTS) + "\n", f"{file} is stale; write it anew: make docs"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__qualname__)
def test_each_field_has_a_description(model: type[BaseModel]) -> None:
    lacking = [name for name, field in model.model_fields.items() if not field.description]

    assert lacking == []


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__qualname__)
def test_each_section_has_a_description(model: type[BaseModel]) -> None:
    assert "__doc__" in vars(model)
    assert model.__doc__


@pytest.mark.parametrize("variable", COMPONENTS.variables, ids=lambda variable: variable.name)
def test_each_variable_has_a_description_and_a_package_that_reads_it(
    variable: Variable[Any],
) -> None:
    package = re.match(r"`(app/\w+)`, \w+", variable.reader)

    assert variable.description
    assert package is not None
    assert (PROJECT / package[1]).is_dir()
