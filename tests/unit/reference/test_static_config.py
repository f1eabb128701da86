from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from app import daemon
from app.components.component import Component, ComponentConfig
from app.components.component_list import ComponentList
from app.main import COMPONENTS
from app.reference.static_config import static_config_reference
from app.static_config.duration import Duration
from app.static_config.model import NO_EFFECT_YET, ConfigModel, TaskProcessorName


class Engine(ConfigModel):
    """What drives it.

    There may be several.
    """

    power: int = Field(ge=1, description="Watts.")


class CarComponent(Component):
    """Drives; nobody needs
    to be in it.

    What follows is for programmers.
    """

    name = "car"

    class Config(ComponentConfig):
        """Options of the `car` section."""

        engines: dict[str, Engine] = Field(default={}, description="The engines.")
        colour: Annotated[str, NO_EFFECT_YET] = Field(default="a|b", description="Paint.")
        runs_on: TaskProcessorName | None = Field(
            default=None, alias="runs-on", description="Road."
        )
        pause: Duration = Field(default=0.5, description="How long it rests.")


class TruckComponent(Component):
    """Carries."""

    name = "truck"

    class Config(ComponentConfig):
        """Options of the `truck` section.

        There is one truck.
        """

        engine: Engine = Field(description="The engine.")


class RoadComponent(Component):
    """Lies there."""

    name = "road"


PAGE = static_config_reference(
    ComponentList(CarComponent, RoadComponent, TruckComponent).append(TruckComponent, "lorry")
)


def test_sections_come_in_the_order_of_the_components_and_parts_of_them_beneath() -> None:
    headings = [line for line in PAGE.splitlines() if line.startswith("###")]

    assert headings == [
        "### `components_manager`",
        "#### `components_manager.coro_pool`",
        "#### `components_manager.task_processors.<name>`",
        "### `car`",
        "#### `car.engines.<name>`",
        "### `road`",
        "### `truck`",
        "#### `truck.engine`",
        "### `lorry`",
        "#### `lorry.engine`",
    ]


def test_options_are_told_with_type_default_and_effect() -> None:
    assert (
        "| `engines` | mapping from name to section | `{}` | The engines. |\n"
        "| `colour` | text | `a\\|b` | **No effect yet.** Paint. |\n"
        "| `runs-on` | name of a task processor | none | Road. |\n"
        "| `pause` | duration from 0s | `500ms` | How long it rests. |\n"
    ) in PAGE
    assert "| `power` | whole number from 1 | required | Watts. |" in PAGE


def test_section_says_what_it_is_who_reads_it_and_whether_it_is_needed() -> None:
    assert (
        "Drives; nobody needs to be in it. The section may be left out."
        " Read by `tests/unit/reference/test_static_config.py`."
    ) in PAGE
    assert "Carries. Without this section it is not there." in PAGE
    assert "What drives it.\n\nThere may be several.\n" in PAGE


def test_what_is_more_to_say_of_options_stands_above_them() -> None:
    assert "test_static_config.py`.\n\nThere is one truck.\n\n| option |" in PAGE
    assert "Options of the" not in PAGE


def test_component_without_options_of_its_own_has_those_of_all() -> None:
    section = PAGE[PAGE.index("### `road`\n\nLies there. The section may be left out.") :]
    assert "`load-enabled`" in section


def test_mistakes_are_shown_as_the_program_prints_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, text, _, shown, _ = (
        block.removeprefix("yaml\n").removeprefix("\n") for block in PAGE.split("```")
    )
    (tmp_path / "config").mkdir()
    (tmp_path / "config/static_config.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STATIC_CONFIG", raising=False)

    code = daemon.run(COMPONENTS, [])

    assert code == daemon.EXIT_COULD_NOT_START
    assert capsys.readouterr().err.replace(str(tmp_path), "/srv/chat") == shown
