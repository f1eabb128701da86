"""What is tested: which module, in which folder, with which environment."""

from collections.abc import Mapping
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what the command line says about the service."""
    group = parser.getgroup("service", "the service under test (app.testsuite)")
    group.addoption(
        "--service-config",
        type=Path,
        metavar="FILE",
        help="static config to test with; by default the one that the service would find itself",
    )
    group.addoption(
        "--service-module",
        default="app",
        metavar="MODULE",
        help="what `python -m` starts, and whose main.py has the `app`; by default %(default)s",
    )


@pytest.fixture(scope="session")
def service_module(pytestconfig: pytest.Config) -> str:
    """The module that `python -m` starts: `--service-module`.

    Override it for a service that lives in a package of its own.
    """
    module: str = pytestconfig.getoption("service_module")
    return module


@pytest.fixture(scope="session")
def service_root(pytestconfig: pytest.Config) -> Path:
    """The folder that the service runs in, where relative paths in its config start.

    By default pytest's root folder. Override it with an absolute path.
    """
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def service_env() -> Mapping[str, str]:
    """Environment variables for the service, in addition to those of pytest: none.

    Override it, for example with what the `#env` keys of the static config name.
    """
    return {}


@pytest.fixture(scope="session")
def service_timeout() -> float:
    """Seconds that a client waits for anything, unless it is told otherwise where it waits."""
    return 10.0
