"""The Chromium that is there, without a window."""

import contextlib
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LAUNCH_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP: ViewportSize = {"width": 1000, "height": 700}
TIMEOUT_MS = 15_000


@contextlib.contextmanager
def launched_chromium() -> Iterator[Browser]:
    """Run a browser until the block is left; without one the test is skipped."""
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(f"no browser here: none of {', '.join(BROWSERS)} is installed")
    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=LAUNCH_ARGUMENTS)
        yield launched
        launched.close()


@contextlib.contextmanager
def opened_page(browser: Browser) -> Iterator[Page]:
    """Open an empty page, with nothing in common with others, until the block is left."""
    with browser.new_context(viewport=DESKTOP) as context:
        context.set_default_timeout(TIMEOUT_MS)
        yield context.new_page()
