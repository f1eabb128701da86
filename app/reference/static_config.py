"""The page about the options of the static config."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from pydantic import BaseModel

from app.components.component import Component
from app.components.component_list import ComponentList
from app.components.static_config import MANAGER
from app.reference.tables import options_table
from app.reference.texts import description, explanation, summary
from app.static_config.document import dotted
from app.static_config.manager import ManagerConfig
from app.static_config.model import has_required, models_in


def static_config_reference(components: ComponentList) -> str:
    """Return a page about all options, as Markdown."""
    head = files("app.reference").joinpath("static_config.md").read_text(encoding="utf-8")
    parts = [head.rstrip(), *_section(MANAGER, ManagerConfig, _ABOUT_MANAGER)]
    for entry in components:
        config = entry.component.Config
        parts += _section(entry.section, config, _about(entry.component))
    return "\n\n".join(parts)


def _section(name: str, model: type[BaseModel], about: str) -> Iterator[str]:
    """Yield the parts of the page about a section, and about those within it."""
    for path, inner in models_in(model, (name,)):
        is_whole = inner is model
        yield f"{'###' if is_whole else '####'} `{dotted(path)}`"
        yield about if is_whole else description(inner)
        if is_whole and (more := explanation(inner)):
            yield more
        yield options_table(inner)


def _about(component: type[Component]) -> str:
    needed = has_required(component.Config)
    without = "Without this section it is not there." if needed else "The section may be left out."
    module = component.__module__.replace(".", "/")
    return f"{summary(component)} {without} Read by `{module}.py`."


_ABOUT_MANAGER: Final = (
    f"{description(ManagerConfig)} Read by `app/daemon.py`, which starts the worker processes, and"
    " `app/task_processors/component.py`."
)
