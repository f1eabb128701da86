import logging

import pytest
import yaml

from app.logs.formats import line_format
from app.main import COMPONENTS
from app.service_config import read_service_config
from app.static_config.reading import ConfigFiles
from conformance.__main__ import ROOT, SERVICE_LOG, STATIC_CONFIG
from conformance.service import PATH, PORT_VARIABLE, errors_in

LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes of what 9.1.6 and 9.2.6 send."""

MOST_FRAGMENTS = 65536 + 1
"""Frames of what 9.3.1 and 9.4.1 send: 4 MiB, 64 bytes in each, and an empty one at the end."""


def log_line(level: int, text: str) -> str:
    record = logging.LogRecord("chat", level, __file__, 1, text, None, None)
    return line_format("tskv", "chat")(record).decode()


def test_lines_of_errors_are_found_in_a_log() -> None:
    lines = [
        log_line(logging.INFO, "level=ERROR"),
        log_line(logging.ERROR, "the worker died"),
        log_line(logging.WARNING, "slow"),
        log_line(logging.CRITICAL, "the end"),
    ]

    assert errors_in("".join(lines)) == [lines[1].rstrip("\n"), lines[3].rstrip("\n")]


def test_the_static_config_is_one_that_the_service_starts_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)

    config = read_service_config(ConfigFiles(STATIC_CONFIG), COMPONENTS, with_tls=False)

    assert config.static.manager.task_processors["main-task-processor"].worker_threads == 1


def test_the_static_config_says_what_the_run_relies_on() -> None:
    document = yaml.safe_load((ROOT / STATIC_CONFIG).read_text())
    components = document["components_manager"]["components"]
    handler = components["websocket-handler"]

    assert components["server"]["listener"]["port#env"] == PORT_VARIABLE
    assert components["logging"]["loggers"]["default"]["file_path"] == str(SERVICE_LOG)
    assert handler["path"] == PATH
    assert handler["max-remote-payload"] == LARGEST_MESSAGE
    assert handler["max-fragments"] == MOST_FRAGMENTS
    assert handler["compression"]["enabled"]
    assert handler["compression"]["threshold"] == 0
