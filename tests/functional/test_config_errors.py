"""What is told of config files that are not good: each kind of error, exactly.

Most run the command line in this process, with `--check-config`, so that a file that is taken by
mistake starts nothing; those at the end run it as it is.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
import pytest

from app import daemon
from app.main import COMPONENTS
from tests.helpers.certificates import make_certificate
from tests.helpers.clients import connected
from tests.helpers.service_process import (
    ORIGINAL,
    PROJECT,
    ServiceProcess,
    free_port,
    wait_until_answers,
)

CONFIG: Final = "static_config.yaml"
VALUES: Final = "dynamic_config_fallback.json"
VARS: Final = "vars.yaml"

MANAGER: Final = "components_manager"
AT: Final = f"{MANAGER}.components"


class Files:
    """The original's files, in a folder that is the current one, and what is told of them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def edit(self, file: str, changes: Mapping[str, str]) -> None:
        """Replace texts, each of which must be there once, by others."""
        text = (self.folder / file).read_text()
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        self.write(file, text)

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text)

    def errors(self, *arguments: str) -> list[str]:
        """Check the files, which are not good, and return what is told, without the folder."""
        code = daemon.run(COMPONENTS, ["--check-config", "-c", CONFIG, *arguments])
        told = self._capsys.readouterr()
        assert (code, told.out) == (1, "")
        return told.err.replace(f"{self.folder}/", "").splitlines()


@pytest.fixture
def files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Files:
    for file in (CONFIG, VALUES):
        shutil.copy(ORIGINAL / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    return Files(tmp_path, capsys)


# The static config: what is replaced by what in the original's, and what is told of that.
IN_STATIC_CONFIG: Final[dict[str, tuple[dict[str, str], str]]] = {
    "unknown key": (
        {"port: 8080": "prot: 8080\n                port: 8080"},
        f"17: {AT}.server.listener.prot: unknown option; did you mean 'port'?",
    ),
    "unknown key that is like none": (
        {"path: /chat": "path: /chat\n            weather: fine"},
        f"34: {AT}.websocket-handler.weather: unknown option",
    ),
    "unknown key with an underscore": (
        {"max-remote-payload": "max_remote_payload"},
        f"36: {AT}.websocket-handler.max_remote_payload: unknown option;"
        " did you mean 'max-remote-payload'?",
    ),
    "unknown key of the manager": (
        {"coro_pool": "coro-pool"},
        f"3: {MANAGER}.coro-pool: unknown option; did you mean 'coro_pool'?",
    ),
    "unknown key that nothing gives a value": (
        {"port: 8080": "prot#env: PORT_OF_NOBODY\n                port: 8080"},
        f"17: {AT}.server.listener.prot: unknown option; did you mean 'port'?",
    ),
    "unknown key at the top": (
        {"components_manager:": "userver: {}\ncomponents_manager:"},
        "2: userver: unknown option",
    ),
    "wrong type: text for a number": (
        {"100000\n            fragment": "much\n            fragment"},
        f"36: {AT}.websocket-handler.max-remote-payload: expected a whole number (got 'much')",
    ),
    "wrong type: number in quotes": (
        {"8080": "'8080'"},
        f"17: {AT}.server.listener.port: expected a whole number (got '8080')",
    ),
    "wrong type: fraction": (
        {"8080": "80.5"},
        f"17: {AT}.server.listener.port: expected a whole number (got 80.5)",
    ),
    "wrong type: number for a text": (
        {"websocket-server": "1.10"},
        f"27: {AT}.tracer.service-name: expected a text (got 1.1); in quotes it is a text: '1.10'",
    ),
    "wrong type: boolean for a text": (
        {"/chat": "no"},
        f"33: {AT}.websocket-handler.path: expected a text (got false);"
        " in quotes it is a text: 'no'",
    ),
    "wrong type: nothing for a text": (
        {"method: GET": "method:"},
        f"34: {AT}.websocket-handler.method: expected a text (got nothing)",
    ),
    "wrong type: a mapping where a text is due": (
        {"method: GET": "method: {GET: yes}"},
        f"34: {AT}.websocket-handler.method: expected a text (got a mapping)",
    ),
    "out of range: below": (
        {"thread_name: fs-worker\n            worker_threads: 4": "worker_threads: 0"},
        f"11: {MANAGER}.task_processors.fs-task-processor.worker_threads:"
        " expected at least 1 (got 0)",
    ),
    "out of range: too many workers": (
        {"thread_name: fs-worker\n            worker_threads: 4": "worker_threads: 4097"},
        f"11: {MANAGER}.task_processors.fs-task-processor.worker_threads:"
        " expected at most 4096 (got 4097)",
    ),
    "out of range: above": (
        {"8080": "65536"},
        f"17: {AT}.server.listener.port: expected at most 65535 (got 65536)",
    ),
    "bad enum": (
        {"discard": "drop"},
        f"25: {AT}.logging.loggers.default.overflow_behavior:"
        " expected 'discard' or 'block' (got 'drop')",
    ),
    "bad enum near a good one": (
        {"level: debug": "level: Debgu"},
        f"24: {AT}.logging.loggers.default.level: expected 'trace', 'debug', 'info',"
        " 'warning', 'error', 'critical' or 'none' (got 'debgu'); did you mean 'debug'?",
    ),
    "unknown task processor: listener": (
        {
            "    task_processor: main-task-processor\n        logging": (
                "    task_processor: mian-task-processor\n        logging"
            )
        },
        f"18: {AT}.server.listener.task_processor: there is no task processor"
        " 'mian-task-processor'; there are: main-task-processor, fs-task-processor;"
        " did you mean 'main-task-processor'?",
    ),
    "unknown task processor: handler": (
        {"processor: main-task-processor\n            max": "processor: x\n            max"},
        f"35: {AT}.websocket-handler.task_processor: there is no task processor 'x';"
        " there are: main-task-processor, fs-task-processor",
    ),
    "unknown task processor: logging": (
        {"fs-task-processor: fs-task-processor": "fs-task-processor: disk"},
        f"20: {AT}.logging.fs-task-processor: there is no task processor 'disk';"
        " there are: main-task-processor, fs-task-processor",
    ),
    "unknown task processor: default": (
        {"default_task_processor: main-task-processor": "default_task_processor: x"},
        f"13: {MANAGER}.default_task_processor: there is no task processor 'x';"
        " there are: main-task-processor, fs-task-processor",
    ),
    "handler on another task processor than its listener's": (
        {
            "task_processor: main-task-processor\n            max": (
                "task_processor: fs-task-processor\n            max"
            )
        },
        f"35: {AT}.websocket-handler.task_processor: a handler runs where its listener runs, on"
        " 'main-task-processor' (got 'fs-task-processor')",
    ),
    "listener on another task processor than the default": (
        {
            "default_task_processor: main": "default_task_processor: fs",
            "fs-task-processor: fs-": "fs-task-processor: main-",
        },
        f"18: {AT}.server.listener.task_processor: the listener runs on the default task processor"
        " 'fs-task-processor', whose worker_threads are the worker processes"
        " (got 'main-task-processor')",
    ),
    "unknown component": (
        {"tracer:": "tarcer:"},
        f"26: {AT}.tarcer: no listed component has this name; did you mean 'tracer'?",
    ),
    "missing section": (
        {
            "server:\n            listener:\n                port: 8080\n"
            "                task_processor: main-task-processor\n": "chat-page:\n"
        },
        f"14: {AT}: the section 'server' is missing or has 'load-enabled: false': component"
        " 'websocket-handler' needs it",
    ),
    "section of which nobody knows the value": (
        {"port: 8080": "port: 8080\n                tls: $tls"},
        f"18: {AT}.server.listener.tls: there is no variable 'tls', and no file of variables is"
        " named; name one with 'config_vars: FILE'",
    ),
    "unknown key that was to name the variables": (
        {"components_manager:": f"config_var: {VARS}\ncomponents_manager:"},
        "2: config_var: unknown option; did you mean 'config_vars'?",
    ),
    "component that is left out": (
        {"tracer:": "chat-page: {load-enabled: false, path: chat}\n        tracer:"},
        f"26: {AT}.chat-page.path: expected a path that begins with '/': no query, no wildcard,"
        " no blanks (got 'chat')",
    ),
    "neither of two ways to listen, for want of a value": (
        {"port: 8080": "port#env: PORT_OF_NOBODY"},
        f"16: {AT}.server.listener: give either 'port' or 'unix-socket'"
        " (port: environment variable PORT_OF_NOBODY is not set)",
    ),
    "missing key": (
        {"            path: /chat\n": ""},
        f"32: {AT}.websocket-handler.path: required, but not there",
    ),
    "missing key: a section without anything in it": (
        {
            "listener:\n                port: 8080\n                task_processor": (
                "listener:\n        chat-page:\n            task_processor"
            )
        },
        f"16: {AT}.server.listener: required, but not there",
    ),
    "duplicate key": (
        {"port: 8080": "port: 8080\n                port: 8081"},
        f"18: {AT}.server.listener.port: the same key is in line 17 already",
    ),
    "YAML syntax": (
        {"listener:\n": "listener: [\n"},
        "18: not valid YAML: while parsing a flow sequence that begins in line 16,"
        " expected ',' or ']', but got ':'",
    ),
    "YAML syntax: a tab": (
        {"    coro_pool:": "\tcoro_pool:"},
        "3: not valid YAML: while scanning for the next token,"
        " found character '\\t' that cannot start any token; indent with blanks",
    ),
    "YAML: a date where a number is due": (
        {"8080": "2026-01-01"},
        f"17: {AT}.server.listener.port: expected a whole number (got '2026-01-01')",
    ),
    "YAML: a tag": (
        {"8080": "!!python/object:os.system 8080"},
        f"17: {AT}.server.listener.port: unknown tag '!!python/object:os.system'",
    ),
    "YAML: an escape for no character": (
        {"/chat": '"/\\ud800"'},
        f"33: {AT}.websocket-handler.path: an escape that stands for no character",
    ),
    "YAML: text that begins with a character of YAML's own": (
        {"/chat": "@chat"},
        "33: not valid YAML: while scanning for the next token, found character '@' that cannot"
        " start any token; put the text in quotes",
    ),
    "a list where a map is due": (
        {"    port: 8080\n                task": "  - task"},
        f"16: {AT}.server.listener: expected a mapping (got a list)",
    ),
    "a text where a map is due": (
        {"tracer:\n            service-name: websocket-server": "tracer: websocket-server"},
        f"26: {AT}.tracer: expected a mapping (got 'websocket-server')",
    ),
    "bad duration": (
        {"method: GET": "method: GET\n            close-timeout: 5 seconds"},
        f"35: {AT}.websocket-handler.close-timeout: expected a duration: a whole number of at most"
        " 9 digits and ms, s, m, h or d, as 10ms (got '5 seconds')",
    ),
    "duration out of range": (
        {"method: GET": "method: GET\n            close-timeout: 1d"},
        f"35: {AT}.websocket-handler.close-timeout: expected at most 1h (got '1d')",
    ),
    "bad path": (
        {"/chat": "chat"},
        f"33: {AT}.websocket-handler.path: expected a path that begins with '/': no query, no"
        " wildcard, no blanks (got 'chat')",
    ),
    "bad method": (
        {"GET": "GTE"},
        f"34: {AT}.websocket-handler.method: there is no method 'GTE'; there are: DELETE, GET,"
        " HEAD, OPTIONS, PATCH, POST, PUT; did you mean 'GET'?",
    ),
    "two ways to listen": (
        {"port: 8080": "port: 8080\n                unix-socket: a.sock"},
        f"16: {AT}.server.listener: give either 'port' or 'unix-socket'",
    ),
    "task processor without a name for its threads": (
        {
            "    fs-task-processor:\n": (
                "    postman: {worker_threads: 1}\n        fs-task-processor:\n"
            )
        },
        f"10: {MANAGER}.task_processors.postman: add a thread_name; one is made up only for names"
        " such as 'fs-task-processor' (at most five characters before the dash)",
    ),
    "two handlers on one path": (
        {"websocket-handler:": "chat-page:\n            path: /chat/\n        websocket-handler:"},
        f"33: {AT}.chat-page.path: '/chat/' is already the path of 'websocket-handler' ('/chat')",
    ),
    "chat whose path has no end": (
        {"/chat": "/chat/{room}"},
        f"14: {AT}.chat-page: cannot choose what stands in the chat's path, '/chat/{{room}}'",
    ),
    "unreadable fallback file": (
        {VALUES: "nowhere.json"},
        f"31: {AT}.dynamic-config-fallbacks.fallback-path: nowhere.json: No such file or"
        " directory; relative to the current directory",
    ),
    "fallback file that is a folder": (
        {VALUES: "'/'"},
        f"31: {AT}.dynamic-config-fallbacks.fallback-path: /: Is a directory",
    ),
    "unresolved variable without a file of variables": (
        {"8080": "$port"},
        f"17: {AT}.server.listener.port: there is no variable 'port', and no file of variables"
        " is named; name one with 'config_vars: FILE'",
    ),
    "unresolved variable, of whose value others tell": (
        {
            "main-task-processor:\n            worker_threads: 4\n            thread_name: main": (
                "main-task-processor: $main\n        # thread_name: main"
            )
        },
        f"7: {MANAGER}.task_processors.main-task-processor: there is no variable 'main', and"
        " no file of variables is named; name one with 'config_vars: FILE'",
    ),
    "fallback that stands in for nothing": (
        {"port: 8080": "port#fallback: 8080"},
        f"17: {AT}.server.listener.port#fallback: has no effect without port#env or port#file"
        " beside it",
    ),
    "environment variable without a name": (
        {"port: 8080": "port#env: 7"},
        f"17: {AT}.server.listener.port#env: expected a name, as text (got 7);"
        " in quotes it is a text: '7'",
    ),
    "required value that the environment has not": (
        {"path: /chat": "path#env: CHAT_PATH_OF_NOBODY"},
        f"33: {AT}.websocket-handler.path: required, but not there (environment variable"
        " CHAT_PATH_OF_NOBODY is not set)",
    ),
    "required value whose file is not there": (
        {"path: /chat": "path#file: path.yaml"},
        f"33: {AT}.websocket-handler.path: required, but not there (there is no file path.yaml)",
    ),
    "variables in a file that is not there": (
        {"components_manager:": "config_vars: vars.yaml\ncomponents_manager:"},
        "2: config_vars: vars.yaml: No such file or directory; relative to the current directory",
    ),
}


@pytest.mark.parametrize("kind", IN_STATIC_CONFIG)
def test_static_config_is_refused_with_line_and_option(files: Files, kind: str) -> None:
    changes, expected = IN_STATIC_CONFIG[kind]
    files.edit(CONFIG, changes)

    assert files.errors() == [f"{CONFIG}:{expected}"]


NOTHING: Final = ":1: expected the key 'components_manager' at the top of the file, found nothing"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", NOTHING),
        ("# later", NOTHING),
        ("---", NOTHING),
        ("\n- a\n- b\n", ":2: expected a mapping: 'name: value' in each line"),
        ("components_manager\n", ":1: expected a mapping: 'name: value' in each line"),
        ("a: b\n\x00", ":2: not valid YAML: the character '\\x00' is not allowed"),
        ("[" * 5000, ": not valid YAML: nested too deeply"),
        ("a: 1\n---\nb: 2\n", ":2: not valid YAML: expected a single document in the stream that"
         " begins in line 1, but found another document"),
    ],
)  # fmt: skip
def test_file_that_holds_no_config_is_refused(files: Files, content: str, expected: str) -> None:
    files.write(CONFIG, content)

    assert files.errors() == [f"{CONFIG}{expected}"]


def test_file_that_is_not_utf8_is_refused(files: Files) -> None:
    (files.folder / CONFIG).write_bytes("a: 1\nb: sübötai".encode("latin-1"))

    assert files.errors() == [f"{CONFIG}:2: not UTF-8 (byte 0xfc); save the file as UTF-8"]


def test_missing_file_is_refused_with_a_way_out(files: Files) -> None:
    (files.folder / CONFIG).unlink()

    assert files.errors() == [
        f"{CONFIG}: No such file or directory; name another file with '-c FILE' or in"
        " $STATIC_CONFIG"
    ]


# The values of the dynamic config: what the file holds, and what is told of that.
IN_VALUES: Final[dict[str, tuple[str, str]]] = {
    "bad JSON": (
        "{\n  USERVER_LOG_REQUEST: true}",
        "2: not valid JSON: Expecting property name enclosed in double quotes, or a comma is too"
        " many, or a comment",
    ),
    "empty": ("", "1: not valid JSON: the file is empty; write {} at least"),
    "no object": ("[]", "1: expected an object: variable names and their values"),
    "unknown variable": (
        '{\n  "USERVER_LOG_REQEST": true}',
        "2: USERVER_LOG_REQEST: unknown variable; did you mean 'USERVER_LOG_REQUEST'?",
    ),
    "wrong type": (
        '{\n  "USERVER_LOG_REQUEST": "yes"}',
        "2: USERVER_LOG_REQUEST: expected true or false (got 'yes')",
    ),
    "nothing": (
        '{"USERVER_LOG_REQUEST": null}',
        "1: USERVER_LOG_REQUEST: expected true or false (got nothing)",
    ),
    "out of range, deep inside": (
        '{"USERVER_LRU_CACHES": {\n  "a": {"lifetime-ms": 0,\n    "size": 0}}}',
        "3: USERVER_LRU_CACHES.a.size: expected at least 1 (got 0)",
    ),
    "in a list": (
        '{"BAGGAGE_SETTINGS": {"allowed_keys": [\n  "a",\n  7]}}',
        "3: BAGGAGE_SETTINGS.allowed_keys.1: expected a text (got 7)",
    ),
    "unknown key": (
        '{"USERVER_LRU_CACHES": {"a": {"lifetime_ms": 0,\n "lifetime-ms": 0, "size": 1}}}',
        "1: USERVER_LRU_CACHES.a.lifetime_ms: unknown option; did you mean 'lifetime-ms'?",
    ),
    "missing required key": (
        '{"USERVER_LRU_CACHES": {\n  "a": {"size": 1}}}',
        "2: USERVER_LRU_CACHES.a.lifetime-ms: required, but not there",
    ),
    "nothing for a list": (
        '{"BAGGAGE_SETTINGS": {\n"allowed_keys": null}}',
        "2: BAGGAGE_SETTINGS.allowed_keys: expected a list (got nothing)",
    ),
    "nothing for a mapping": (
        '{"USERVER_TASK_PROCESSOR_QOS": {\n"default-service": null}}',
        "2: USERVER_TASK_PROCESSOR_QOS.default-service: expected a mapping (got nothing)",
    ),
    "missing required key among names": (
        '{"USERVER_TASK_PROCESSOR_QOS": {\n"default-service": {}}}',
        "2: USERVER_TASK_PROCESSOR_QOS.default-service.default-task-processor: required, but not"
        " there",
    ),
    "duplicate key": (
        '{"USERVER_LOG_REQUEST": true,\n"USERVER_LOG_REQUEST": false}',
        "2: USERVER_LOG_REQUEST: the same key is in line 1 already",
    ),
    "duplicate key, deep inside": (
        '{"USERVER_LRU_CACHES": {"a": {"size": 1,\n"size": 2, "lifetime-ms": 0}}}',
        "2: USERVER_LRU_CACHES.a.size: the same key is in line 1 already",
    ),
    "number that JSON has not": (
        '{\n"HTTP_CLIENT_CONNECTION_POOL_SIZE": Infinity}',
        "2: HTTP_CLIENT_CONNECTION_POOL_SIZE: not valid JSON: Infinity is no value",
    ),
}


@pytest.mark.parametrize("kind", IN_VALUES)
def test_values_are_refused_with_line_and_key(files: Files, kind: str) -> None:
    content, expected = IN_VALUES[kind]
    files.write(VALUES, content)

    assert files.errors()[0] == f"{VALUES}:{expected}"


# Variables, the environment and other files.

BY_VARIABLE: Final = {
    "components_manager:": f"config_vars: {VARS}\ncomponents_manager:",
    "8080": "$port",
}


def test_variable_that_is_not_there_is_refused_with_one_that_is_near(files: Files) -> None:
    files.edit(CONFIG, BY_VARIABLE)
    files.write(VARS, "prot: 8080")

    assert files.errors() == [
        f"{CONFIG}:18: {AT}.server.listener.port: there is no variable 'port' in {VARS};"
        " did you mean 'prot'?"
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("port: [", ":1: not valid YAML: while parsing a flow node, expected the node content, but"
         " found '<stream end>'"),
        ("- port", ":1: expected a mapping: 'name: value' in each line"),
        ("a: 1\nport: 1\nport: 2", ":3: port: the same key is in line 2 already"),
    ],
)  # fmt: skip
def test_bad_file_of_variables_is_refused_and_nothing_is_said_of_its_variables(
    files: Files, content: str, expected: str
) -> None:
    files.edit(CONFIG, BY_VARIABLE)
    files.write(VARS, content)

    assert files.errors() == [f"{VARS}{expected}"]


def test_value_of_a_variable_is_refused_with_the_name_and_place_of_that(files: Files) -> None:
    files.edit(CONFIG, BY_VARIABLE)
    files.write(VARS, "# ports\nport: 808080\n")

    assert files.errors() == [
        f"{CONFIG}:18: {AT}.server.listener.port: expected at most 65535 (got 808080)"
        f" (from variable 'port' in {VARS}:2)"
    ]


def test_variable_of_nothing_is_told_with_what_is_missing(files: Files) -> None:
    files.edit(CONFIG, BY_VARIABLE)
    files.write(VARS, "# later\nport:\n")

    assert files.errors() == [
        f"{CONFIG}:17: {AT}.server.listener: give either 'port' or 'unix-socket'"
        f" (port: there is nothing in variable 'port' in {VARS}:2)"
    ]


def test_part_of_a_variable_is_refused_with_the_place_of_that(files: Files) -> None:
    files.edit(
        CONFIG, BY_VARIABLE | {"8080": "8080", "tracer:\n            service": "tracer: $t\n#"}
    )
    files.write(VARS, "t:\n  service-name: a\n  weather: fine\n")

    assert files.errors() == [
        f"{CONFIG}:27: {AT}.tracer.weather: unknown option (from variable 't' in {VARS}:3)"
    ]


def test_value_of_the_environment_is_refused_with_the_name_of_that(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "http")
    files.edit(CONFIG, {"port: 8080": "port#env: PORT"})

    assert files.errors() == [
        f"{CONFIG}:17: {AT}.server.listener.port: expected a whole number (got 'http')"
        " (from environment variable PORT)"
    ]


def test_value_of_another_file_is_refused_with_the_place_of_that(files: Files) -> None:
    files.edit(CONFIG, {"port: 8080": "port#file: port.yaml"})
    files.write("port.yaml", "# the port\n-1")

    assert files.errors() == [
        f"{CONFIG}:17: {AT}.server.listener.port: expected at least 0 (got -1) (from port.yaml:2)"
    ]


def test_fallback_is_refused_at_its_own_line(files: Files) -> None:
    changes = {"port: 8080": "port#env: PORT_OF_NOBODY\n                port#fallback: 65536"}
    files.edit(CONFIG, changes)

    assert files.errors() == [
        f"{CONFIG}:18: {AT}.server.listener.port: expected at most 65535 (got 65536)"
    ]


@pytest.mark.parametrize("option", ["config_vars", "config_vars_override"])
def test_file_of_variables_that_the_command_line_names_must_be_there(
    files: Files, option: str
) -> None:
    assert files.errors(f"--{option}", "nowhere.yaml") == [
        f"nowhere.yaml: No such file or directory; --{option} names it"
    ]


# Certificates.


def with_tls(files: Files) -> None:
    tls = """
                tls:
                    cert: server.pem
                    private-key: server.key"""
    files.edit(CONFIG, {"port: 8080": f"port: 8080{tls}"})


NOT_THERE: Final = "No such file or directory; relative to the current directory"

NO_CERTIFICATES: Final = [
    f"{CONFIG}:19: {AT}.server.listener.tls.cert: server.pem: {NOT_THERE}",
    f"{CONFIG}:20: {AT}.server.listener.tls.private-key: server.key: {NOT_THERE}",
]


def test_unreadable_certificate_and_key_are_refused_each(files: Files) -> None:
    with_tls(files)

    assert files.errors() == NO_CERTIFICATES


def test_certificate_and_key_that_are_none_are_refused_each(files: Files) -> None:
    with_tls(files)
    files.write("server.pem", "")
    files.write("server.key", "secret")

    tls = f"{AT}.server.listener.tls"
    assert files.errors() == [
        f"{CONFIG}:19: {tls}.cert: server.pem: there is no CERTIFICATE in it",
        f"{CONFIG}:20: {tls}.private-key: server.key: there is no PRIVATE KEY in it",
    ]


def test_certificate_and_key_that_do_not_fit_are_refused(files: Files) -> None:
    with_tls(files)
    make_certificate(files.folder, "server")
    other = make_certificate(files.folder, "other")
    other.private_key.replace(files.folder / "server.key")

    (error,) = files.errors()

    assert error.startswith(
        f"{CONFIG}:18: {AT}.server.listener.tls: server.pem, server.key: cannot be used: "
    )
    assert "_ssl.c" not in error


def test_key_that_is_encrypted_is_refused(files: Files) -> None:
    with_tls(files)
    make_certificate(files.folder, "server", password=b"secret")

    assert files.errors() == [
        f"{CONFIG}:18: {AT}.server.listener.tls: server.pem, server.key: cannot be used: the"
        " private key is encrypted; give one that is not"
    ]


@pytest.mark.parametrize("suffix", ["file: server.key", "env: SERVER_KEY"])
@pytest.mark.parametrize("option", ["tls: {cert: server.pem, private-key", "port"])
def test_private_key_that_is_given_by_mistake_is_never_shown(
    files: Files, monkeypatch: pytest.MonkeyPatch, option: str, suffix: str
) -> None:
    key = make_certificate(files.folder, "server").private_key.read_text()
    monkeypatch.setenv("SERVER_KEY", key)
    port, end = ("port: 0, ", "}") if "{" in option else ("", "")
    listener = f"listener: {{{port}{option}#{suffix}{end}, task_processor: main-task-processor}}"
    files.edit(
        CONFIG, {"listener:\n": f"{listener}\n        chat-page:\n", "port: 8080": "path: /"}
    )

    told = "\n".join(files.errors())

    assert not any(line[:20] in told for line in key.splitlines()[1:-1])


# All at once.

MANY_MISTAKES: Final = {
    "components_manager:": f"config_vars: {VARS}\ncomponents_manager:",
    "initial_size: 500": "initial_size: none",
    "8080": "$port",
    "level: debug": "level: $level",
    "tracer:": "tarcer:",
    "method: GET": "method: GET\n            method: POST",
    "fragment-size": "fragment_size",
}


def test_all_mistakes_in_all_files_are_told_in_one_run_in_order_of_line(files: Files) -> None:
    with_tls(files)
    files.edit(CONFIG, MANY_MISTAKES)
    files.write(VARS, "port: 0.5\n")
    files.write(VALUES, '{"USERVER_LOG_REQUEST": 1,\n"USERVER_LOG_REQUEST_HEADERS": 0,\n"A": 1}')

    handler = f"{AT}.websocket-handler"
    assert files.errors() == [
        f"{CONFIG}:5: {MANAGER}.coro_pool.initial_size: expected a whole number (got 'none')",
        f"{CONFIG}:18: {AT}.server.listener.port: expected a whole number (got 0.5)"
        f" (from variable 'port' in {VARS}:1)",
        f"{CONFIG}:20: {AT}.server.listener.tls.cert: server.pem: {NOT_THERE}",
        f"{CONFIG}:21: {AT}.server.listener.tls.private-key: server.key: {NOT_THERE}",
        f"{CONFIG}:28: {AT}.logging.loggers.default.level: there is no variable 'level' in {VARS}",
        f"{CONFIG}:30: {AT}.tarcer: no listed component has this name; did you mean 'tracer'?",
        f"{CONFIG}:39: {handler}.method: the same key is in line 38 already",
        f"{CONFIG}:42: {handler}.fragment_size: unknown option; did you mean 'fragment-size'?",
        f"{VALUES}:1: USERVER_LOG_REQUEST: expected true or false (got 1)",
        f"{VALUES}:2: USERVER_LOG_REQUEST_HEADERS: expected true or false (got 0)",
        f"{VALUES}:3: A: unknown variable",
    ]


def test_mistakes_of_the_config_come_before_those_of_its_variables(files: Files) -> None:
    files.edit(CONFIG, BY_VARIABLE | {"websocket-server": "7"})
    files.write(VARS, "- port")

    assert [line.partition(":")[0] for line in files.errors()] == [CONFIG, VARS]


def test_mistakes_that_other_files_show_are_told_with_those_in_the_config(files: Files) -> None:
    """Certificates, the fallback file, and what components refuse."""
    with_tls(files)
    files.edit(
        CONFIG,
        {
            "tracer:": "tarcer:",
            VALUES: "nowhere.json",
            "path: /chat": "path: /",
            "websocket-handler:": "chat-page: {path: /}\n        websocket-handler:",
        },
    )

    assert files.errors() == [
        *NO_CERTIFICATES,
        f"{CONFIG}:29: {AT}.tarcer: no listed component has this name; did you mean 'tracer'?",
        f"{CONFIG}:34: {AT}.dynamic-config-fallbacks.fallback-path: nowhere.json: No such file or"
        " directory; relative to the current directory",
        f"{CONFIG}:35: {AT}.chat-page.path: '/' is already the path of 'websocket-handler' ('/')",
    ]


# As it is really run.


def run(folder: Path, *command: str, **environment: str) -> tuple[int, str]:
    """Run a module to its end and return the exit code and the output, without the folder."""
    inherited = {key: value for key, value in os.environ.items() if key != "STATIC_CONFIG"}
    environment = {**inherited, "PYTHONPATH": str(PROJECT), **environment}
    with ServiceProcess([sys.executable, "-m", *command], environment) as process:
        code = process.wait(30)
        return code, process.log().replace(f"{folder}/", "")


PORT_TOO_LARGE: Final = (
    f"{CONFIG}:17: {AT}.server.listener.port: expected at most 65535 (got 65536)"
)


def test_real_command_line_tells_errors_without_a_traceback_and_leaves_with_1(
    files: Files,
) -> None:
    files.edit(CONFIG, {"8080": "65536", "method: GET": "method: GTE"})

    code, output = run(files.folder, "app", "-c", str(files.folder / CONFIG))

    assert code == 1
    first, second = output.splitlines()
    assert first == PORT_TOO_LARGE
    assert second.startswith(
        f"{CONFIG}:34: {AT}.websocket-handler.method: there is no method 'GTE'"
    )


def test_config_is_named_by_the_environment_too(files: Files) -> None:
    files.edit(CONFIG, {"8080": "65536"})

    code, output = run(files.folder, "app", STATIC_CONFIG=str(files.folder / CONFIG))

    assert (code, output) == (1, f"{PORT_TOO_LARGE}\n")


def test_uvicorn_tells_errors_without_a_traceback_and_leaves_with_its_own_code(
    files: Files,
) -> None:
    files.edit(CONFIG, {"8080": "65536"})

    code, output = run(
        files.folder,
        *("uvicorn", "app.main:app", f"--port={free_port()}"),
        STATIC_CONFIG=str(files.folder / CONFIG),
    )

    assert code == 3
    assert PORT_TOO_LARGE in output
    assert "Traceback" not in output


def test_service_takes_its_values_from_variables_and_the_environment(files: Files) -> None:
    """Files of variables by both options, and the port from the environment."""
    port = free_port()
    files.edit(
        CONFIG,
        {
            "components_manager:": "config_vars: nowhere.yaml\ncomponents_manager:",
            "            worker_threads: 4\n            thread_name: main": (
                "            worker_threads: $workers\n            thread_name: main"
            ),
            "port: 8080": "port#env: PORT\n                address: $address",
            "path: /chat": "path: $path",
            "max-remote-payload: 100000": "max-remote-payload: $payload",
        },
    )
    files.write(VARS, "workers: 1\naddress: 127.0.0.1\npath: /nowhere\npayload#env: PAYLOAD\n")
    files.write("override.yaml", "path: /talk\n")
    arguments = ["--config_vars", str(files.folder / VARS)]
    arguments += ["--config_vars_override", str(files.folder / "override.yaml")]
    environment = {"STATIC_CONFIG": CONFIG, "PORT": str(port), "PAYLOAD": "5"}
    environment |= {"STATIC_CONFIG": str(files.folder / CONFIG)}
    with ServiceProcess([sys.executable, "-m", "app", *arguments], environment) as service:
        service.wait_for_line(rf"listening on http://127\.0\.0\.1:{port}$")
        service.wait_for_line(r"websocket-handler: /talk \(WebSocket\)")
        service.wait_for_line("workers: 1$")
        service.port = port
        wait_until_answers(service)
        with connected(f"{service.ws_url}/talk") as chat:
            chat.send_text("hello")
            assert chat.receive_text(10) == "hello"
        assert httpx.get(f"{service.http_url}/nowhere").status_code == 404
        assert service.stop() == 0
