"""What the command line prints and with which code it leaves, where it starts nothing."""

import json
import shutil
from pathlib import Path

import pytest

from app import daemon
from app.daemon import EXIT_COULD_NOT_START, EXIT_OK
from app.kit_variables import KIT_VARIABLES
from app.main import COMPONENTS
from tests.helpers.certificates import make_certificate
from tests.helpers.service_process import ORIGINAL, PROJECT

CONFIG = "static_config.yaml"

AT = "components_manager.components"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the original's files, which is the current one."""
    for file in (CONFIG, "dynamic_config_fallback.json"):
        shutil.copy(ORIGINAL / file, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("app.handlers.live_limits.memory_limit", lambda: 1 << 30)
    monkeypatch.setattr("app.server.component.backlog_limit", lambda: 4096)
    return tmp_path


class Printed:
    """Runs the command line and returns what it prints."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def by(self, *arguments: str) -> str:
        """Return what is printed by a run that does its job."""
        code = daemon.run(COMPONENTS, arguments)
        told = self._capsys.readouterr()
        assert (code, told.err) == (EXIT_OK, "")
        return told.out

    def report(self) -> dict[str, list[str]]:
        """Return the parts of what `--check-config` prints, by their titles."""
        parts: dict[str, list[str]] = {}
        entries: list[str] = []
        for line in self.by("--check-config", "-c", CONFIG).splitlines()[1:]:
            if line.endswith(":") and not line.startswith(" "):
                entries = parts[line.removesuffix(":")] = []
            elif line:
                assert line.startswith("    ")
                entries.append(line.strip())
        return parts


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return Printed(capsys)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def line_of(file: Path, text: str) -> int:
    """Return the number of the one line that has this text."""
    (number,) = [n for n, line in enumerate(file.read_text().splitlines(), 1) if text in line]
    return number


# --check-config


def test_report_says_that_the_file_is_good(folder: Path, printed: Printed) -> None:
    first, second, *_ = printed.by("--check-config", "-c", CONFIG).splitlines()

    assert first == f"{folder / CONFIG}: good"
    assert second == ""


def test_report_tells_what_would_run(folder: Path, printed: Printed) -> None:
    assert printed.report()["would run"] == [
        "listener: http://[::]:8080",
        "workers: 4 (main-task-processor)",
        "components: tracer, task-processors, logging, dynamic-config, dynamic-config-fallbacks,"
        " server, websocket-handler, chat-page",
        "websocket-handler: /chat (WebSocket)",
        "chat-page: / (GET)",
    ]


def test_report_tells_what_has_no_effect_yet(folder: Path, printed: Printed) -> None:
    assert printed.report()["no effect yet"] == [
        "components_manager.coro_pool.initial_size",
        "components_manager.coro_pool.max_size",
        *(variable.name for variable in KIT_VARIABLES if variable.no_effect_yet),
    ]


def test_report_has_no_warnings_where_there_are_none(folder: Path, printed: Printed) -> None:
    assert list(printed.report()) == ["would run", "no effect yet"]


def test_report_warns_of_what_is_probably_not_meant(
    folder: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = folder / CONFIG
    key = make_certificate(folder, "server").private_key
    key.chmod(0o644)
    monkeypatch.setattr("app.handlers.live_limits.memory_limit", lambda: 2 << 20)
    tls = """
                backlog: 4097
                tls: {cert: server.pem,
                      private-key: server.key}"""
    edit(config, "port: 8080", f"port: 8080{tls}")
    edit(config, "path: /chat", "path: /chat\n            path#env: CHAT_PATH")
    edit(config, "max-remote-payload: 100000", "max-remote-payload: 2097153")

    assert printed.report()["warnings"] == [
        f"{config}:{line_of(config, 'path#env')}: {AT}.websocket-handler.path#env:"
        " has no effect, since 'path' has a value of its own",
        f"{config}:{line_of(config, 'backlog')}: {AT}.server.listener.backlog:"
        " the kernel allows 4096 (net.core.somaxconn)",
        f"{config}:{line_of(config, 'private-key')}: {AT}.server.listener.tls.private-key:"
        " everybody on this machine may read the file: chmod 600",
        f"{config}:{line_of(config, 'max-remote-payload')}:"
        f" {AT}.websocket-handler.max-remote-payload:"
        " one message could take more than the memory that there is (2 MiB)",
    ]


def test_report_warns_of_a_file_of_values_that_could_not_be_used(
    folder: Path, printed: Printed
) -> None:
    values = folder / "values.json"
    edit(
        folder / CONFIG,
        "        dynamic-config:\n",
        "        dynamic-config-file-updater: {path: values.json}\n"
        "        dynamic-config:\n            updates-enabled: true\n",
    )
    missing = f"{values}: No such file or directory; relative to the current directory"
    assert printed.report()["warnings"] == [missing]

    values.write_text('{"USERVER_LOG_REQUEST": 1,\n"USERVER_LOG_REQUESTS": true}')
    assert printed.report()["warnings"] == [
        f"{values}:1: USERVER_LOG_REQUEST: expected true or false (got 1)",
        f"{values}:2: USERVER_LOG_REQUESTS: unknown variable; did you mean 'USERVER_LOG_REQUEST'?",
    ]

    values.write_text("{}")
    assert "warnings" not in printed.report()


def test_sample_config_is_good(
    folder: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    monkeypatch.delenv("STATIC_CONFIG", raising=False)

    report = printed.by("--check-config", "-c", "config/static_config.yaml")

    assert report.startswith(f"{PROJECT / 'config/static_config.yaml'}: good\n")
    assert "\nwarnings:" not in report


def test_config_that_is_not_good_is_told_on_stderr_with_1(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(folder / CONFIG, "port: 8080", "prot: 8080")

    code = daemon.run(COMPONENTS, ["--check-config", "-c", CONFIG])

    told = capsys.readouterr()
    assert (code, told.out) == (EXIT_COULD_NOT_START, "")
    assert told.err == (
        f"{folder / CONFIG}:17: {AT}.server.listener.prot: unknown option; did you mean 'port'?\n"
    )


def test_static_config_is_found_where_the_environment_says(
    folder: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / CONFIG).rename(folder / "other.yaml")
    monkeypatch.setenv("STATIC_CONFIG", "other.yaml")

    assert printed.by("--check-config").startswith(f"{folder / 'other.yaml'}: good\n")


def test_variables_come_from_the_files_that_the_command_line_names(
    folder: Path, printed: Printed
) -> None:
    edit(folder / CONFIG, "path: /chat", "path: $path")
    edit(folder / CONFIG, "method: GET", "method: $method")
    (folder / "vars.yaml").write_text("path: /first\nmethod: GET\n")
    (folder / "override.yaml").write_text("path: /second\n")

    arguments = ["--check-config", "-c", CONFIG, "--config_vars", "vars.yaml"]
    assert "websocket-handler: /first (" in printed.by(*arguments)
    arguments += ["--config_vars_override", "override.yaml"]
    assert "websocket-handler: /second (" in printed.by(*arguments)


def test_options_of_variables_may_be_written_as_all_others(folder: Path, printed: Printed) -> None:
    edit(folder / CONFIG, "path: /chat", "path: $path")
    edit(folder / CONFIG, "method: GET", "method: $method")
    (folder / "vars.yaml").write_text("path: /first\nmethod: GET\n")
    (folder / "override.yaml").write_text("path: /second\n")

    arguments = ["--config-vars", "vars.yaml", "--config-vars-override", "override.yaml"]

    report = printed.by("--check-config", "-c", CONFIG, *arguments)
    assert "websocket-handler: /second (" in report


def test_report_tells_nothing_of_a_page_that_is_left_out(folder: Path, printed: Printed) -> None:
    edit(folder / CONFIG, "tracer:", "chat-page: {load-enabled: false}\n        tracer:")

    assert "chat-page" not in printed.by("--check-config", "-c", CONFIG)


# --print-...


@pytest.mark.parametrize("option", ["--print-config-schema", "--print-dynamic-config-defaults"])
def test_what_machines_read_is_json_and_needs_no_config(
    tmp_path: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)

    assert isinstance(json.loads(printed.by(option)), dict)


@pytest.mark.parametrize(
    "option", ["--print-static-config-reference", "--print-dynamic-config-reference"]
)
def test_what_people_read_needs_no_config(
    tmp_path: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)

    printed.by(option)


# What argparse refuses


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--print-config-schema", "--check-config"], "not allowed with argument"),
        (
            ["--print-config-schema", "--print-dynamic-config-defaults"],
            "not allowed with argument",
        ),
        (["--prot", "8080"], "unrecognized arguments: --prot 8080"),
        (["-c"], "expected one argument"),
    ],
)
def test_arguments_that_make_no_sense_leave_with_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        daemon.run(COMPONENTS, arguments)

    assert caught.value.code == 2
    assert expected in capsys.readouterr().err


def test_help_names_each_option_and_leaves_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        daemon.run(COMPONENTS, ["--help"])

    told = capsys.readouterr().out
    assert caught.value.code == 0
    assert told.startswith("usage: python -m app [-h]")
    assert (
        "$STATIC_CONFIG, else config_dev.yaml if it is there, else config/static_config.yaml"
        in (" ".join(told.split()))
    )
    for option in ("--config_vars ", "--config_vars_override ", "--check-config", "--print-config"):
        assert option in told


def test_help_is_that_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        daemon.run(COMPONENTS, ["--help"], program="my-service", default_configs=[Path("a.yaml")])

    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("usage: my-service [-h]")
    assert "by default $STATIC_CONFIG, else a.yaml" in told


def test_static_config_of_another_program_is_where_that_says(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STATIC_CONFIG", raising=False)
    (folder / "config_dev.yaml").touch()

    code = daemon.run(COMPONENTS, ["--check-config"], default_configs=[Path(CONFIG)])

    told = capsys.readouterr()
    assert (code, told.err) == (EXIT_OK, "")
    assert told.out.startswith(f"{folder / CONFIG}: good\n")
