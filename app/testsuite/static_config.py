"""The static config of a test session: the service's own, changed for tests."""

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

Section = dict[str, Any]

ConfigHook = Callable[[Section], None]
"""Changes a static config in place, after it was read and before the service gets it."""

ADDRESS: Final = "127.0.0.1"


@pytest.fixture(scope="session")
def service_config_path(pytestconfig: pytest.Config, service_root: Path) -> Path:
    """The static config to test with, as its authors wrote it.

    `--service-config`, or else the file that the service would find by itself in `service_root`:
    $STATIC_CONFIG, `config_dev.yaml` if it is there, `config/static_config.yaml`. Override it to
    have the same file everywhere.
    """
    given: Path | None = pytestconfig.getoption("service_config")
    if given is not None:
        return pytestconfig.invocation_params.dir / given
    return find_static_config(service_root, os.environ.get("STATIC_CONFIG"))


@pytest.fixture(scope="session")
def service_port() -> int:
    """The port that the service listens on: one that was free a moment ago.

    Override it to have a known one.
    """
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def service_config_hooks() -> Sequence[ConfigHook]:
    """What changes the static config for this session: nothing more than `adapt_to_tests` does.

    Override it; a parameter of the same name gives you the hooks of the conftest above. They are
    called in order, each with the whole config as plain values: `$variables` and keys such as
    `port#env` stand in it as they stand in the file.
    """
    return ()


@pytest.fixture(scope="session")
def service_config(
    service_config_path: Path, service_port: int, service_config_hooks: Sequence[ConfigHook]
) -> Section:
    """The static config as the service gets it: read, adapted to tests, then changed by hooks.

    For reading; a change made here comes too late for the service.
    """
    config: Section = yaml.safe_load(service_config_path.read_bytes())
    adapt_to_tests(config, service_port)
    for hook in service_config_hooks:
        hook(config)
    return config


@pytest.fixture(scope="session")
def service_config_path_temp(
    service_config: Section, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The file in which the service gets `service_config`."""
    path = tmp_path_factory.mktemp("service") / "static_config.yaml"
    path.write_text(yaml.safe_dump(service_config, sort_keys=False, allow_unicode=True))
    return path


def find_static_config(root: Path, named: str | None) -> Path:
    """Return the static config that a service started in `root` finds by itself.

    Args:
        root: The folder.
        named: The value of $STATIC_CONFIG.
    """
    if named:
        return root / named
    development = root / "config_dev.yaml"
    return development if development.exists() else root / "config" / "static_config.yaml"


def adapt_to_tests(config: Section, port: int) -> None:
    """Change in a static config what a test session cannot have otherwise, and nothing else.

    The service listens at 127.0.0.1 on `port`, without TLS; it is one worker process; loggers that
    write files write to stderr, and each line at once, so that a failing test can show what belongs
    to it. An option that is changed loses its forms `option#env`, `#file` and `#fallback`.

    Raises:
        TypeError: there is something else where the section of the listener belongs.
    """
    listener = _made_section(config, "components_manager", "components", "server", "listener")
    for other in ("unix-socket", "tls"):
        _drop(listener, other)
    _put(listener, "address", ADDRESS)
    _put(listener, "port", port)

    manager = config["components_manager"]
    processors = _section(manager, "task_processors")
    default = _section(processors, str(manager.get("default_task_processor")))
    if default:
        _put(default, "worker_threads", 1)
    for logger in _loggers(manager["components"]):
        if not str(logger.get("file_path", "")).startswith("@"):
            _put(logger, "file_path", "@stderr")
        _put(logger, "flush_level", "trace")


def _made_section(section: Section, *path: str) -> Section:
    """Return the section at `path`, made where it is missing."""
    for number, name in enumerate(path, start=1):
        inner = section.setdefault(name, {})
        if not isinstance(inner, dict):
            raise TypeError(
                f"{'.'.join(path[:number])}: expected a section, to put the port for tests into it,"
                f" got {inner!r}; override the fixture service_config to write it yourself"
            )
        section = inner
    return section


def _section(section: Section, name: str) -> Section:
    """Return the section `name`, or an empty one if there is none of that name."""
    inner = section.get(name)
    return inner if isinstance(inner, dict) else {}


def _loggers(components: Section) -> Iterator[Section]:
    loggers = _section(_section(components, "logging"), "loggers")
    return (_section(loggers, name) for name in loggers)


def _put(section: Section, option: str, value: object) -> None:
    _drop(section, option)
    section[option] = value


def _drop(section: Section, option: str) -> None:
    for key in [key for key in section if str(key).partition("#")[0] == option]:
        del section[key]
