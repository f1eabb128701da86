"""`python -m app`: start, signals, exit codes, what it tells."""

import functools
import os
import re
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from websockets.frames import Opcode

from tests.helpers.clients import connected
from tests.helpers.raw_client import RawClient
from tests.helpers.service_process import (
    ORIGINAL,
    ServiceProcess,
    components_of,
    free_port,
    original_config,
    running_service,
    wait_until,
    write_config,
)
from tests.services.odd import odd_config

LEAVES_WITHIN = 5.0

LISTENER = "components_manager.components.server.listener"


def daemon(*arguments: str, module: str = "app", **environment: str) -> ServiceProcess:
    return ServiceProcess([sys.executable, "-m", module, *arguments], environment)


def result(*arguments: str, module: str = "app", **environment: str) -> tuple[int, str]:
    """Run to the end and return the exit code and the output."""
    with daemon(*arguments, module=module, **environment) as process:
        code = process.wait(30)
        return code, process.log()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_each_connection_with_a_close_frame_and_the_service_with_0(
    sign: signal.Signals,
) -> None:
    """Also with a peer that never reads and with a handler that waits for something else."""
    with (
        running_service(document=odd_config(), module="tests.services.odd") as service,
        RawClient(service.port).open("/chat") as idle,
        RawClient(service.port).open("/sleeping") as asleep,
        RawClient(service.port).open("/flooding"),
    ):
        assert asleep.read_frame().payload == b"good night"
        service.process.send_signal(sign)

        assert idle.read_frame().opcode == Opcode.CLOSE
        assert asleep.read_frame().opcode == Opcode.CLOSE
        assert service.wait(LEAVES_WITHIN) == 0


def test_worker_that_cannot_leave_is_killed() -> None:
    with (
        running_service(document=odd_config(), module="tests.services.odd") as service,
        RawClient(service.port).open("/blocking") as client,
    ):
        assert client.read_frame().payload == b"good night"
        service.process.send_signal(signal.SIGTERM)

        assert service.wait(LEAVES_WITHIN) == 0
        assert re.search(r"worker \[\d+\] did not leave in time: killed", service.log())


@pytest.mark.parametrize("path", ["/chat", "/blocking"])
def test_workers_leave_when_their_parent_is_killed(path: str) -> None:
    """Also one that hangs: nobody is left to kill it."""
    with (
        running_service(document=odd_config(), module="tests.services.odd") as service,
        RawClient(service.port).open(path),
    ):
        service.process.send_signal(signal.SIGKILL)
        service.wait()

        def refuses() -> bool:
            try:
                socket.create_connection(("127.0.0.1", service.port), 1).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_until(refuses, 2 * LEAVES_WITHIN)


def test_sighup_replaces_the_workers_while_the_service_answers() -> None:
    with running_service() as service:
        service.wait_for_line(r"Started server process")
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_line(r"Received SIGHUP")
        wait_until(lambda: service.log().count("Application startup complete") == 2, 20)

        assert httpx.get(service.http_url).status_code == 200
        assert service.stop() == 0


def test_restarts_leave_nothing_open_in_the_parent() -> None:
    with running_service() as service:

        def open_files() -> int:
            return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))

        def is_restarted(times: int) -> bool:
            starts = service.log().count("Application startup complete")
            # The worker and a resource tracker; what the old worker had may close a moment later.
            return (
                starts == 1 + times
                and len(children(service.process.pid)) == 2
                and open_files() <= before
            )

        before = open_files()
        for times in (1, 2, 3):
            service.process.send_signal(signal.SIGHUP)
            wait_until(functools.partial(is_restarted, times), 20)
        assert service.stop() == 0


def test_workers_become_more_and_fewer_by_signals() -> None:
    with running_service() as service:

        def workers() -> int:
            return len(worker_names(service.process.pid))

        wait_until(lambda: workers() == 1, 20)
        service.process.send_signal(signal.SIGTTIN)
        wait_until(lambda: workers() == 2, 20)
        service.process.send_signal(signal.SIGTTOU)
        wait_until(lambda: workers() == 1, 20)

        assert httpx.get(service.http_url).status_code == 200
        assert service.stop() == 0


def test_start_tells_config_address_handlers_and_workers(service: ServiceProcess) -> None:
    log = service.log()

    assert re.search(r"config: /.*/static_config\.yaml\n", log)
    assert f"listening on http://0.0.0.0:{service.port}" in log
    assert "websocket-handler: /chat (WebSocket)" in log
    assert "chat-page: / (GET)" in log
    assert "workers: 1" in log


def test_workers_may_have_as_many_files_open_as_the_machine_allows(tmp_path: Path) -> None:
    config = write_config(tmp_path, original_config())
    shell = 'ulimit -S -n 200; exec "$0" -m app -c "$1"'
    with ServiceProcess(["sh", "-c", shell, sys.executable, str(config)]) as service:
        said = service.wait_for_line(r"open files of a process: at most (\d+)")
        worker = service.wait_for_line(r"Started server process \[(\d+)\]")
        limits = Path(f"/proc/{worker[1]}/limits").read_text()

    (soft,) = re.findall(r"Max open files +(\d+)", limits)
    assert int(soft) == int(said[1]) > 200


def test_start_warns_of_what_is_probably_not_meant(tmp_path: Path) -> None:
    document = original_config()
    chat = components_of(document)["websocket-handler"]
    chat["path#env"] = "CHAT_PATH"
    components_of(document)["dynamic-config"]["updates-enabled"] = True
    with running_service(tmp_path, document) as service:
        log = service.log()

    place = (
        rf"level=WARNING\t.*\ttext={tmp_path}/static_config\.yaml:\d+:"
        r" components_manager\.components"
    )
    assert re.search(rf"{place}\.websocket-handler\.path#env: has no effect", log)
    assert re.search(rf"{place}\.dynamic-config\.updates-enabled: no updater has a section", log)


def test_workers_are_as_many_as_the_default_task_processor_has_and_carry_its_name(
    tmp_path: Path,
) -> None:
    document = original_config()
    processor = document["components_manager"]["task_processors"]["main-task-processor"]
    processor["worker_threads"] = 3
    with running_service(tmp_path, document) as service:
        names = {"main-worker_0", "main-worker_1", "main-worker_2"}
        wait_until(lambda: names == worker_names(service.process.pid), 20)


def worker_names(parent: int) -> set[str]:
    """Return what the operating system calls the children that serve requests."""
    names = {Path(f"/proc/{child}/comm").read_text().strip() for child in children(parent)}
    return {name for name in names if name.startswith("main-")}


def children(parent: int) -> list[str]:
    """Return the process numbers of the children."""
    return Path(f"/proc/{parent}/task/{parent}/children").read_text().split()


@pytest.mark.parametrize("loopback", ["127.0.0.1", "::1"])
def test_default_address_is_all_of_both_families(service: ServiceProcess, loopback: str) -> None:
    try:
        connection = socket.create_connection((loopback, service.port), 5)
    except OSError as error:
        if loopback == "::1" and not Path("/proc/net/if_inet6").exists():
            pytest.skip(f"no IPv6 on this machine: {error}")
        raise
    connection.close()


def test_peer_on_ipv4_has_an_ipv4_address(service: ServiceProcess) -> None:
    httpx.get(f"{service.http_url}/?ipv4")

    service.wait_for_line(r'127\.0\.0\.1:\d+ - "GET /\?ipv4')


def test_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("0.0.0.0", 0)) as other:
        document = original_config()
        port = other.getsockname()[1]
        components_of(document)["server"]["listener"]["port"] = port
        code, output = result("-c", str(write_config(tmp_path, document)))

    assert code == 1
    assert re.match(rf"{tmp_path}/static_config\.yaml:\d+: {LISTENER}: ", output)
    assert output.count("\n") == 1
    assert output.endswith(
        f"cannot listen on 0.0.0.0 port {port}: Address already in use; stop what uses it, or"
        " change server.listener in the static config\n"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"port": 0, "address": "nowhere.invalid"}, "address 'nowhere.invalid': "),
        ({"unix-socket": "/no/where.sock"}, "unix-socket /no/where.sock: No such file or"),
    ],
)
def test_place_where_nobody_can_listen_is_told_at_the_listener(
    tmp_path: Path, options: dict[str, object], said: str
) -> None:
    document = original_config()
    del components_of(document)["server"]["listener"]["port"]
    components_of(document)["server"]["listener"] |= options
    code, output = result("-c", str(write_config(tmp_path, document)))

    assert code == 1
    place = rf"{tmp_path}/static_config\.yaml:\d+: {LISTENER}"
    assert re.match(rf"{place}: cannot listen on {re.escape(said)}", output)
    assert output.count("\n") == 1


@pytest.mark.parametrize("arguments", ["--check-config", "--print-config-schema"])
@pytest.mark.parametrize("redirection", ["| true", "> /dev/full", ">&-"])
def test_output_that_cannot_be_written_ends_with_1_and_no_traceback(
    tmp_path: Path, arguments: str, redirection: str
) -> None:
    config = write_config(tmp_path, original_config())
    command = f'"$0" -m app {arguments} -c "$1" {redirection}; exit ${{PIPESTATUS[0]}}'
    with ServiceProcess(["bash", "-c", command, sys.executable, str(config)]) as process:
        code = process.wait(30)

        assert (code, process.log()) == (1, "")


def test_what_stdout_cannot_encode_is_printed_as_an_escape(tmp_path: Path) -> None:
    path = write_config(tmp_path, original_config()).rename(tmp_path / "é.yaml")
    code, output = result("--check-config", "-c", str(path), PYTHONIOENCODING="ascii")

    assert code == 0
    assert output.startswith(f"{tmp_path}/\\xe9.yaml: good\n")


def test_worker_that_cannot_start_ends_the_service_with_1(tmp_path: Path) -> None:
    config = str(write_config(tmp_path, odd_config()))
    code, output = result("-c", config, module="tests.services.odd", ODD="failing")

    assert code == 1
    assert "component 'failing' could not start: no fuel" in output
    assert "RuntimeError: no fuel" in output


def test_worker_that_dies_at_start_again_and_again_ends_the_service_with_1(
    tmp_path: Path,
) -> None:
    config = str(write_config(tmp_path, odd_config()))
    code, output = result("-c", config, module="tests.services.odd", ODD="dying")

    assert code == 1
    assert output.count("died with exit code 1") == 3
    assert "the service cannot start: a worker cannot" in output


def test_component_has_time_to_stop_beside_a_handler_that_does_not_end(tmp_path: Path) -> None:
    config = str(write_config(tmp_path, odd_config()))
    with daemon("-c", config, module="tests.services.odd", ODD="slow-to-stop") as service:
        service.port = int(service.wait_for_line(r"listening on http://\S+?:(\d+)").group(1))
        with RawClient(service.port).open("/sleeping"):
            service.process.send_signal(signal.SIGTERM)

            assert service.wait(LEAVES_WITHIN) == 0
    assert "stopped in good order" in service.log()


def four_workers(folder: Path) -> Path:
    document = original_config()
    processors = document["components_manager"]["task_processors"]
    processors["main-task-processor"]["worker_threads"] = 4
    return write_config(folder, document)


@pytest.mark.parametrize("line", ["workers: 4", "Started server process", "startup complete"])
def test_interrupt_from_the_terminal_at_any_moment_is_obeyed_quietly(
    line: str, tmp_path: Path
) -> None:
    """Ctrl-C goes to the parent and to all workers, whatever they are doing."""
    with daemon("-c", str(four_workers(tmp_path))) as service:
        service.wait_for_line(line)
        os.killpg(service.process.pid, signal.SIGINT)

        assert service.wait(LEAVES_WITHIN) == 0
    assert "Traceback" not in service.log()


def ignored_by(process: int) -> int:
    """Return the set of the signals that a process ignores, as the kernel shows it."""
    status = Path(f"/proc/{process}/status").read_text()
    (mask,) = re.findall(r"SigIgn:\t([0-9a-f]+)", status)
    return int(mask, 16)


@pytest.mark.parametrize("sign", [signal.SIGUSR1, signal.SIGUSR2])
@pytest.mark.parametrize("module", ["app", "app.config_service"])
def test_signal_does_no_harm_while_modules_are_imported(module: str, sign: signal.Signals) -> None:
    with daemon("--print-config-schema", module=module) as process:
        wait_until(lambda: bool(ignored_by(process.process.pid) & 1 << sign - 1), 20)
        process.process.send_signal(sign)

        assert process.wait(30) == 0


def test_signal_is_obeyed_while_a_worker_hangs() -> None:
    with running_service() as service:
        worker = service.wait_for_line(r"Started server process \[(\d+)\]")
        os.kill(int(worker.group(1)), signal.SIGSTOP)
        service.process.send_signal(signal.SIGTERM)

        assert service.wait(LEAVES_WITHIN) == 0


def test_signal_is_obeyed_during_a_restart_with_a_worker_that_hangs() -> None:
    with (
        running_service(document=odd_config(), module="tests.services.odd") as service,
        RawClient(service.port).open("/blocking") as client,
    ):
        assert client.read_frame().payload == b"good night"
        service.process.send_signal(signal.SIGHUP)
        service.wait_for_line("Received SIGHUP")
        service.process.send_signal(signal.SIGTERM)

        assert service.wait(2 * LEAVES_WITHIN) == 0


def test_original_files_run_unchanged() -> None:
    """Only the port of the machine may be taken; then the check shows that the files are good."""
    config = str(ORIGINAL / "static_config.yaml")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", 8080))
        except OSError as error:
            pytest.skip(f"port 8080, which the original's file names, cannot be had: {error}")
    with daemon("-c", config) as service:
        service.port = 8080
        service.wait_for_line("listening on")
        with connected("ws://127.0.0.1:8080/chat") as chat:
            chat.send_text("hello")
            assert chat.receive_text(30) == "hello"
        assert service.stop() == 0


def test_bad_edit_on_disk_does_not_take_a_running_service_down(tmp_path: Path) -> None:
    """A worker that dies is replaced from what the parent has read."""
    with running_service(tmp_path) as service:
        (tmp_path / "static_config.yaml").write_text("no: good")
        worker = service.wait_for_line(r"Started server process \[(\d+)\]")
        os.kill(int(worker.group(1)), signal.SIGKILL)
        wait_until(lambda: service.log().count("Application startup complete") == 2, 20)

        assert httpx.get(service.http_url).status_code == 200


def test_unix_socket_serves_and_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "service.sock"
    document = original_config()
    listener = components_of(document)["server"]["listener"]
    del listener["port"]
    listener["unix-socket"] = str(path)
    with daemon("-c", str(write_config(tmp_path, document))) as service:
        service.wait_for_line(f"listening on unix:{path}")
        transport = httpx.HTTPTransport(uds=str(path))
        with httpx.Client(transport=transport, timeout=30) as client:
            assert client.get("http://service/").status_code == 200
            with connected("http://service/chat", client) as chat:
                chat.send_text("hello")
                assert chat.receive_text(10) == "hello"
        assert service.stop() == 0

    assert not path.exists()


def test_port_of_the_config_is_the_port_of_the_service() -> None:
    port = free_port()
    with running_service(port=port):
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
