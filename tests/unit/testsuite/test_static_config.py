from pathlib import Path

import pytest
import yaml

from app.static_config import reading
from app.testsuite.static_config import Section, adapt_to_tests, find_static_config

PORT = 4321


def adapted(text: str) -> Section:
    """Return what the service gets for a static config with these components."""
    config: Section = yaml.safe_load(text)
    adapt_to_tests(config, PORT)
    return config


def listener_of(config: Section) -> Section:
    listener: Section = config["components_manager"]["components"]["server"]["listener"]
    return listener


@pytest.mark.parametrize("named", [None, "other.yaml", "/etc/other.yaml"])
@pytest.mark.parametrize("development", [True, False])
def test_finds_the_file_that_the_service_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, development: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    if development:
        (tmp_path / "config_dev.yaml").touch()
    environment = {"STATIC_CONFIG": named} if named else {}

    found = find_static_config(tmp_path, named)

    assert found == reading.find_static_config(None, environment)


def test_listener_is_a_port_of_our_own_without_tls() -> None:
    config = adapted("""
components_manager:
    components:
        server:
            listener: {port: 443, address: "::", tls: {cert: a}, backlog: 5, task_processor: main}
""")

    assert listener_of(config) == {
        "address": "127.0.0.1",
        "port": PORT,
        "backlog": 5,
        "task_processor": "main",
    }


def test_unix_socket_gives_way_to_the_port() -> None:
    config = adapted("components_manager: {components: {server: {listener: {unix-socket: a}}}}")

    assert listener_of(config) == {"address": "127.0.0.1", "port": PORT}


def test_other_forms_of_what_is_changed_go() -> None:
    config = adapted("""
components_manager:
    components:
        server:
            listener: {port#env: PORT, port#fallback: 80, backlog#env: BACKLOG}
""")

    assert listener_of(config) == {"backlog#env": "BACKLOG", "address": "127.0.0.1", "port": PORT}


def test_default_task_processor_is_one_process_and_no_other_is_changed() -> None:
    config = adapted("""
components_manager:
    default_task_processor: main
    task_processors:
        main: {worker_threads: $workers, thread_name: main}
        fs: {worker_threads: 4}
    components: {}
""")

    assert config["components_manager"]["task_processors"] == {
        "main": {"worker_threads": 1, "thread_name": "main"},
        "fs": {"worker_threads": 4},
    }


def test_loggers_that_write_files_write_to_stderr_and_all_write_at_once() -> None:
    config = adapted("""
components_manager:
    components:
        logging:
            loggers:
                default: {file_path: /var/log/service.log, level: info}
                named: {file_path#env: LOG}
                access: {file_path: '@null'}
""")

    assert config["components_manager"]["components"]["logging"]["loggers"] == {
        "default": {"level": "info", "file_path": "@stderr", "flush_level": "trace"},
        "named": {"file_path": "@stderr", "flush_level": "trace"},
        "access": {"file_path": "@null", "flush_level": "trace"},
    }


def test_all_else_is_left_for_the_service_to_resolve() -> None:
    text = """
config_vars: vars.yaml
components_manager:
    task_processors: $processors
    default_task_processor: $default
    components:
        server: {listener: {port: 1, address: 127.0.0.1}}
        handler: {path: $path, timeout: 10s, limit#env: LIMIT, limit#fallback: 5}
        logging: $logging
"""
    config = adapted(text)

    expected = yaml.safe_load(text.replace("port: 1,", f"port: {PORT},"))
    assert config == expected
    assert yaml.safe_load(yaml.safe_dump(config)) == expected


def test_says_where_there_is_no_place_for_the_port() -> None:
    with pytest.raises(TypeError, match=r"components_manager.components.server: expected a sect"):
        adapted("components_manager: {components: {server: $server}}")
