"""Fixtures for all tests."""

import pytest

pytest_plugins = ["app.testsuite", "pytester"]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
