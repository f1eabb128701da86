"""What the microbenchmarks share."""

import asyncio
from collections.abc import Iterator

import pytest
import uvloop


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Return the event loop that the service runs on; it does not run."""
    loop = uvloop.new_event_loop()
    yield loop
    loop.close()
