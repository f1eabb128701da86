"""Whatever stands in the config files: a service, or errors with file and line; nothing else."""

import contextlib
import copy
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app import daemon
from app.main import COMPONENTS
from tests.helpers.certificates import make_certificate
from tests.helpers.service_process import ORIGINAL

CONFIG: Final = "static_config.yaml"
VALUES: Final = "dynamic_config_fallback.json"

STATIC: Final = yaml.safe_load((ORIGINAL / CONFIG).read_text())
STATIC["config_vars"] = "vars.yaml"
STATIC["components_manager"]["components"]["server"]["listener"]["tls"] = {
    "cert": "server.pem",
    "private-key": "server.key",
    "ca": ["server.pem"],
}
DYNAMIC: Final = json.loads((ORIGINAL / VALUES).read_text())

VARS: Final = """\
name: a text
port: 8080
section: {path: /chat, method: GET, weather: fine}
list: [1, '2']
nothing:
env#env: GOOD
file#file: bad.yaml
"""

EXAMPLES: Final = 250


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with all the files that a config may name, which is the current one."""
    folder = tmp_path_factory.mktemp("config")
    make_certificate(folder, "server")
    (folder / "vars.yaml").write_text(VARS)
    (folder / "bad.yaml").write_text("a: [")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("GOOD", "8080")
        patch.setenv("BAD", "a: [")
        patch.setenv("WHOLE", "{path: /chat, method: GET}")
        yield folder


def check(folder: Path, config: str, values: str) -> None:
    """Check the files; fail if what is told is neither a report nor errors with their places."""
    (folder / CONFIG).write_text(config, errors="replace")
    (folder / VALUES).write_text(values, errors="replace")
    with told() as (out, err):
        code = daemon.run(COMPONENTS, ["--check-config", "-c", CONFIG])
    if code == daemon.EXIT_OK:
        assert out().startswith(f"{folder / CONFIG}: good\n")
        for line in out().split("\n"):
            assert line.isprintable(), line
        assert err() == ""
    else:
        assert out() == ""
        lines = err().split("\n")
        assert lines.pop() == ""
        assert lines
        for line in lines:
            assert line.startswith(f"{folder}/"), line
            assert line.isprintable(), line


@contextlib.contextmanager
def told() -> Iterator[tuple[Callable[[], str], Callable[[], str]]]:
    """Catch what is printed, with streams that take what those of a process take."""
    streams = [
        io.TextIOWrapper(io.BytesIO(), "utf-8", errors, newline="\n")
        for errors in ("strict", "backslashreplace")
    ]

    def reading(stream: io.TextIOWrapper) -> Callable[[], str]:
        def read() -> str:
            stream.seek(0)
            return stream.read()

        return read

    out, err = streams
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield reading(out), reading(err)


# Values of any kind, many of them such as a config has.

HINTS: Final = [
    *("$name", "$port", "$section", "$list", "$nothing", "$env", "$file", "$x", "$", "$$"),
    *("GOOD", "BAD", "WHOLE", "NOT_SET", "vars.yaml", "bad.yaml", "nowhere.yaml", CONFIG, VALUES),
    *("main-task-processor", "fs-task-processor", "GET", "GET, POST", "get", "/", ".", "", "5s"),
    *("/chat", "/{a}", "/{a}/{a}", "/{a:int}", "/{", "/}", "/{a:x}", "/a/../b", "//", "10ms", "1d"),
    *("\ud800", "/\ud800", "\x00", "/\x00", "a\nb", "/a\nb", "\x1b[31m", "/\x1b[31m", "\u2028"),
    *("'", "{0}", "%s", "!x", "&a", "*a", "<<", "=", "2026-01-01", "1:30", "010", "1e400", "~"),
]

TEXTS: Final = st.one_of(
    st.sampled_from(HINTS),
    st.text(max_size=6),
    st.text(st.characters(categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=4),
)

SCALARS: Final = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70000),
    st.sampled_from([2**31, 2**53, 2**63, 2**64, -(2**63), 10**400]),
    st.floats(),
    TEXTS,
)

ANY: Final = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)

SUFFIXES: Final = ["", "#env", "#file", "#fallback", "#", "#x"]


def nodes_in(value: Any) -> list[tuple[Any, Any]]:
    """Return each member of each collection in a value, as the collection and the key."""
    found: list[tuple[Any, Any]] = []
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], dict | list):
            found += nodes_in(value[key])
    return found


KEYS: Final = sorted({key for _, key in nodes_in([STATIC, DYNAMIC]) if isinstance(key, str)})


@st.composite
def mutated(draw: st.DrawFn, original: Any) -> Any:
    """Draw a document that was good before some of its values and keys were changed."""
    document = copy.deepcopy(original)
    for _ in range(draw(st.integers(1, 4))):
        nodes = nodes_in(document)
        if nodes:
            holder, key = draw(st.sampled_from(nodes))
            if isinstance(holder, list):
                holder[key : key + draw(st.integers(0, 1))] = draw(st.lists(ANY, max_size=1))
            else:
                draw(st.sampled_from(CHANGES))(draw, holder, key, nodes)
    return document


def replace(draw: st.DrawFn, holder: Any, key: str, nodes: Any) -> None:
    holder[key] = draw(ANY)


def delete(draw: st.DrawFn, holder: Any, key: str, nodes: Any) -> None:
    del holder[key]


def add(draw: st.DrawFn, holder: Any, key: str, nodes: Any) -> None:
    holder[draw(TEXTS)] = draw(ANY)


def rename(draw: st.DrawFn, holder: Any, key: str, nodes: Any) -> None:
    holder[draw(st.one_of(TEXTS, st.sampled_from(KEYS)))] = holder.pop(key)


def copy_from_elsewhere(draw: st.DrawFn, holder: Any, key: str, nodes: Any) -> None:
    other, place = draw(st.sampled_from(nodes))
    holder[key] = copy.deepcopy(other[place])


def refer(draw: st.DrawFn, holder: Any, key: str, nodes: Any) -> None:
    """Let the option have its value from elsewhere, too, or instead."""
    if draw(st.booleans()):
        del holder[key]
    holder[f"{key}{draw(st.sampled_from(SUFFIXES))}"] = draw(ANY)


CHANGES: Final = [replace, delete, add, rename, copy_from_elsewhere, refer]


def with_option(*path_and_value: Any) -> Any:
    """Return the original with one option of a component added or replaced."""
    *path, key, value = path_and_value
    document = copy.deepcopy(STATIC)
    section = document["components_manager"]
    for each in path:
        section = section[each]
    section[key] = value
    return document


def as_json(document: Any) -> str:
    return json.dumps(document, indent=2)


ORIGINAL_STATIC: Final = yaml.safe_dump(STATIC)
ORIGINAL_DYNAMIC: Final = as_json(DYNAMIC)

MANY_EXAMPLES: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    report_multiple_bugs=False,
)


def test_original_is_a_service(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without this the properties could hold of nothing but errors."""
    (folder / CONFIG).write_text(ORIGINAL_STATIC)
    (folder / VALUES).write_text(ORIGINAL_DYNAMIC)

    assert daemon.run(COMPONENTS, ["--check-config", "-c", CONFIG]) == daemon.EXIT_OK


@MANY_EXAMPLES
@given(document=mutated(STATIC))
@example(document=with_option("task_processors", "a\nb-task-processor", {}))
@example(document=with_option("task_processors", "\ud800-task-processor", {"worker_threads": 1}))
@example(document=with_option("default_task_processor", "\ud800"))
@example(document=with_option("components", "tracer", "service-name#env", "\ud800"))
@example(document=with_option("components", "tracer", "service-name#file", "a\nb"))
@example(document=with_option("components", "websocket-handler", "path", "/\ud800"))
@example(document=with_option("components", "websocket-handler", "path", "/\x1b[31m"))
def test_original_with_changes_is_a_service_or_errors(folder: Path, document: Any) -> None:
    check(folder, yaml.safe_dump(document), ORIGINAL_DYNAMIC)


@MANY_EXAMPLES
@given(document=ANY)
def test_any_yaml_is_a_service_or_errors(folder: Path, document: Any) -> None:
    check(folder, yaml.safe_dump(document), ORIGINAL_DYNAMIC)


@MANY_EXAMPLES
@given(text=st.text())
@example(text="? [a, b]\n: c")
@example(text="? {a: b}\n: c")
@example(text="a: &a [*a]")
@example(text="&a a: *a")
@example(text="<<: [1]")
@example(text="!!binary a: b")
@example(text="components_manager: !!set {a}")
@example(text='"\\uD800": "\\uD800"')
@example(text="%YAML 3.0\n---\na: b")
def test_any_text_is_errors(folder: Path, text: str) -> None:
    check(folder, text, ORIGINAL_DYNAMIC)


@MANY_EXAMPLES
@given(document=mutated(DYNAMIC))
def test_values_of_the_original_with_changes_are_a_service_or_errors(
    folder: Path, document: Any
) -> None:
    check(folder, ORIGINAL_STATIC, as_json(document))


@MANY_EXAMPLES
@given(text=st.one_of(st.text(), st.text("{}[],:\"'\\0a.- \n", max_size=12), ANY.map(as_json)))
@example(text="1" * 5000)
@example(text="[" * 10000)
@example(text='{"a": "\\ud800"}')
@example(text='{"\\ud800\\n": 1}')
@example(text="\ufeff{}")
def test_any_text_as_values_is_a_service_or_errors(folder: Path, text: str) -> None:
    check(folder, ORIGINAL_STATIC, text)
