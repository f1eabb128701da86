import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from app.components.component_list import ComponentList
from app.dynamic_config.reading import read_json
from app.dynamic_config.snapshot import parse_snapshot
from app.dynamic_config.variable import Variable
from app.main import COMPONENTS
from app.reference.dynamic_config import dynamic_config_defaults, dynamic_config_reference
from app.static_config.model import ConfigModel


class Pace(ConfigModel):
    """How fast.

    Faster is not better.
    """

    per_second: int = Field(alias="per-second", ge=1, description="Steps per second.")
    burst: int = Field(default=3, description="Steps at once.")


def page(*variables: Variable[Any]) -> str:
    return dynamic_config_reference(ComponentList(variables=variables))


def test_printed_defaults_are_a_file_of_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "values.json"
    path.write_text(dynamic_config_defaults(COMPONENTS))

    snapshot = parse_snapshot(read_json(path), COMPONENTS.variables)

    assert len(COMPONENTS.variables) == 25
    assert sorted(json.loads(path.read_bytes())) == [
        variable.name for variable in sorted(COMPONENTS.variables, key=lambda each: each.name)
    ]
    for variable in COMPONENTS.variables:
        assert snapshot[variable] == variable.default


def test_variable_is_told_with_type_reader_and_default() -> None:
    variable = Variable("FAST", bool, True, description="Whether.", reader="`app/feet`, daily")

    assert page(variable).endswith(
        "\n\n## `FAST`\n\nWhether.\n\n"
        "- type: true or false\n"
        "- read by: `app/feet`, daily\n"
        "- default: `true`"
    )


def test_variable_without_effect_says_so() -> None:
    variable = Variable(
        "FAST", bool, True, description="Whether.", reader="`app/feet`, daily", no_effect_yet=True
    )

    assert "## `FAST`\n\n**No effect yet.** Whether.\n" in page(variable)
    assert "- will be read by: `app/feet`, daily\n" in page(variable)


def test_keys_of_a_variable_have_a_table_under_what_is_more_to_say() -> None:
    default = {"per-second": 7}
    variable = Variable("PACE", Pace, default, description="How fast.", reader="`app/feet`, daily")

    assert page(variable).endswith(
        "## `PACE`\n\nHow fast.\n\n"
        "- type: section\n"
        "- read by: `app/feet`, daily\n"
        '- default: `{"per-second": 7}`\n\n'
        "Faster is not better.\n\n"
        "| option | type and bounds | default | what it does |\n"
        "| --- | --- | --- | --- |\n"
        "| `per-second` | whole number from 1 | required | Steps per second. |\n"
        "| `burst` | whole number | `3` | Steps at once. |"
    )


def test_keys_of_the_values_of_a_mapping_have_a_heading() -> None:
    variable = Variable("PACES", dict[str, Pace], {}, description="Fast.", reader="`app/feet`, now")

    assert "- default: `{}`\n\n### `PACES.<name>`\n\nHow fast.\n\nFaster" in page(variable)


@pytest.mark.parametrize("length", [10, 100])
def test_long_default_stands_in_a_block(length: int) -> None:
    default = {"a" * length: {"per-second": 1}}
    variable = Variable(
        "PACES", dict[str, Pace], default, description="Fast.", reader="`app/feet`, now"
    )

    assert ("- default:\n\n  ```json\n  {\n" in page(variable)) is (length == 100)


def test_variables_come_in_the_order_of_their_names() -> None:
    variables = [
        Variable(name, bool, True, description="Whether.", reader="`app/feet`, daily")
        for name in ("B", "C", "A")
    ]

    headings = [line for line in page(*variables).splitlines() if line.startswith("## `")]
    assert headings == ["## `A`", "## `B`", "## `C`"]
