"""The schema and the service agree on what a static config may be."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.components.static_config import check_static_config
from app.main import COMPONENTS
from app.reference.schema import config_schema
from app.static_config.document import OptionPath
from app.static_config.lookup import Surroundings
from app.static_config.substitution import substitute
from tests.helpers.documents import plain_document

PROJECT = Path(__file__).parents[3]
CONFIG = PROJECT / "config/static_config.yaml"
ORIGINAL = PROJECT / "tests/data/original/static_config.yaml"

SCHEMA: dict[str, Any] = json.loads(config_schema(COMPONENTS))
VALIDATOR = Draft202012Validator(SCHEMA)

COMPONENT: OptionPath = ("components_manager", "components")
LISTENER: OptionPath = (*COMPONENT, "server", "listener")
HANDLER: OptionPath = (*COMPONENT, "websocket-handler")

BEYOND_A_SCHEMA = (
    "there is no task processor",
    "there is no method",
    "give either 'port' or 'unix-socket'",
    "expected a path that begins with '/'",
    "add a thread_name",
)
"""How the service refuses what only code can know."""


def full_config() -> dict[str, Any]:
    """Return a static config in which almost every option is set."""
    document: dict[str, Any] = yaml.safe_load(ORIGINAL.read_text())
    sections = document["components_manager"]["components"]
    tls = {"cert": "cert.pem", "private-key": "key.pem", "ca": ["ca.pem"]}
    sections["server"]["listener"] |= {"address": "::", "backlog": 5, "tls": tls}
    sections["websocket-handler"] |= {"close-timeout": "5s", "url_trailing_slash": "both"}
    sections["chat-page"] = {"path": "/page"}
    sections["task-processors"] = {}
    return document


def paths(value: object, path: OptionPath = ()) -> Iterator[OptionPath]:
    """Yield the path of all that is in a document."""
    entries: Any = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    for key, item in entries:
        yield (*path, key)
        yield from paths(item, (*path, key))


PATHS = list(paths(full_config()))
VALUES: list[Any] = [None, True, 0, 1, -1, 99999, 1.5, "text", "", "5s", [], ["a"], {}]
VALUES += [{"a": 1}, {"a": {}}]


def changed(path: OptionPath, change: Callable[[Any, Any], object]) -> dict[str, Any]:
    """Return the config after `change` of what holds the last key of the path."""
    document = full_config()
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return document


def with_value(path: OptionPath, value: object) -> dict[str, Any]:
    return changed(path, lambda holder, key: holder.__setitem__(key, copy.deepcopy(value)))


def mutations(path: OptionPath) -> Iterator[dict[str, Any]]:
    """Yield configs that differ at one path."""
    yield from (with_value(path, value) for value in VALUES)
    yield changed(path, lambda holder, key: holder.pop(key))
    if isinstance(path[-1], str):
        *holder, key = path
        yield from (with_value((*holder, f"{key}{end}"), "x") for end in ("#env", "#file", "s"))


def refusals(document: dict[str, Any]) -> list[str]:
    """Return what the service says of a document."""
    surroundings = Surroundings(None, {}, lambda _: None)
    substituted = substitute(plain_document("config", document), surroundings).document
    checked = check_static_config(substituted, COMPONENTS)
    return [problem.text for problem in (*substituted.problems, *checked.problems)]


def test_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", [CONFIG, ORIGINAL], ids=lambda path: str(path.parent))
def test_configs_of_the_project_are_good(path: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(path.read_text()))


def test_config_names_its_schema_for_editors() -> None:
    first_line = CONFIG.read_text().splitlines()[0]

    assert first_line == "# yaml-language-server: $schema=static_config.schema.json"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("components_manger",), {}),
        ((*COMPONENT, "sever"), {}),
        ((*LISTENER, "prot"), 8080),
        ((*LISTENER, "prot#env"), "PORT"),
        ((*LISTENER, "port"), "8080"),
        ((*LISTENER, "port"), 65536),
        ((*LISTENER, "port#env"), 8080),
        ((*HANDLER, "url_trailing_slash"), "neither"),
        ((*HANDLER, "close-timeout"), "5 seconds"),
        ((*HANDLER, "close-timeout"), 0),
        ((*COMPONENT, "websocket-handler"), None),
        ((*COMPONENT, "logging", "loggers"), []),
        ((*COMPONENT, "logging", "loggers", "default"), None),
    ],
)
def test_what_is_wrong_is_refused(path: OptionPath, value: object) -> None:
    assert not VALIDATOR.is_valid(with_value(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*LISTENER, "port"), "$port"),
        ((*LISTENER, "port#env"), "PORT"),
        ((*LISTENER, "port#file"), "port.yaml"),
        ((*LISTENER, "port#fallback"), 8080),
        ((*LISTENER, "tls"), None),
        ((*LISTENER, "tls", "ca"), ["$authority"]),
        ((*HANDLER, "close-timeout"), 5),
        ((*HANDLER, "close-timeout"), "100ms"),
        ((*COMPONENT, "logging"), None),
        ((*COMPONENT, "logging", "loggers"), {"default": "$logger", "other#file": "other.yaml"}),
        ((*COMPONENT, "server"), "$server"),
        (("config_vars",), "variables.yaml"),
        (("config_vars#env",), "VARIABLES"),
        (("components_manager",), "$manager"),
    ],
)
def test_what_may_be_written_is_taken(path: OptionPath, value: object) -> None:
    VALIDATOR.validate(with_value(path, value))


@pytest.mark.parametrize("suffix", ["#env", "#file"])
def test_required_option_may_come_from_elsewhere(suffix: str) -> None:
    def elsewhere(handler: Any, key: Any) -> None:
        del handler[key]
        handler[f"{key}{suffix}"] = "x"

    path = (*HANDLER, "path")

    assert VALIDATOR.is_valid(changed(path, elsewhere))
    assert not VALIDATOR.is_valid(changed(path, lambda handler, key: handler.pop(key)))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_schema_and_service_agree(path: OptionPath) -> None:
    for document in mutations(path):
        told = refusals(document)
        plain = [text for text in told if not text.startswith(BEYOND_A_SCHEMA)]
        if VALIDATOR.is_valid(document):
            assert plain == []
        else:
            assert told, document


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("ab5s/-_"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab-_"), inner),
    max_leaves=5,
)


@given(st.sampled_from(PATHS), ANY_VALUE)
def test_what_the_schema_refuses_the_service_refuses(path: OptionPath, value: object) -> None:
    document = with_value(path, value)

    if not VALIDATOR.is_valid(document):
        assert refusals(document)
