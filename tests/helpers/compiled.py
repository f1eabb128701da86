"""Tests that are about the source as it is run by Python."""

import pytest

from app.websocket import messages

as_written = pytest.mark.skipif(
    not messages.__file__.endswith(".py"),
    reason="compiled modules call each other directly, and cannot be run twice",
)
