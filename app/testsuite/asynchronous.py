"""Tests that are coroutines: run by anyio's plugin, on asyncio, without being marked."""

import inspect
from typing import Any

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run tests and fixtures that are coroutines on asyncio."""
    return "asyncio"


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: Any) -> None:
    """Mark each test that is a coroutine for anyio's plugin, unless another one runs it."""
    is_test = inspect.iscoroutinefunction(obj) and name.startswith("test")
    if is_test and not _has_other_runner(collector, obj):
        pytest.mark.anyio(obj)


def _has_other_runner(collector: pytest.Collector, test: Any) -> bool:
    marks = {mark.name for mark in getattr(test, "pytestmark", ())}
    try:
        mode = collector.config.getini("asyncio_mode")
    except (KeyError, ValueError):  # There is no pytest-asyncio.
        mode = None
    return "asyncio" in marks or mode == "auto"
