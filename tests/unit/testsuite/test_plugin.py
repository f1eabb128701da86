"""What a user of the plugin sees: pytest runs, in processes of their own, of small test suites."""

import os
import re
import shutil

import pytest

from tests.helpers.service_process import PROJECT, write_config
from tests.services.odd import odd_config

TIMEOUT = 50.0

CONFTEST = 'pytest_plugins = ["app.testsuite"]\n'

ECHO = """
async def test_echo(websocket_client):
    async with websocket_client.get("chat") as chat:
        await chat.send("hello")
        assert await chat.recv() == "hello"
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with the kit's config; nothing tells anyio's plugin which tests are its own."""
    (pytester.path / "config").mkdir()
    for name in ("config/static_config.yaml", "dynamic_config_fallback.json"):
        shutil.copy(PROJECT / name, pytester.path / name)
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    pytester.makeconftest(CONFTEST)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # `-p no:...`: what this project's tests use and the plugin does not need.
    return suite.runpytest_subprocess(
        *("-p", "no:timeout", "-p", "no:cacheprovider", "-p", "no:randomly", "-rA"),
        *arguments,
        timeout=TIMEOUT,
    )


def test_three_lines_are_a_test_and_the_service_is_gone_after_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        f"""{ECHO}
async def test_page(service_client):
    assert (await service_client.get("/")).status_code == 200

def test_process(service_process, service_port):
    print(f"pid {{service_process.pid}}, port {{service_port}}.")
"""
    )

    result = run(suite)

    result.assert_outcomes(passed=3)
    [pid] = re.findall(r"pid (\d+)", result.stdout.str())
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)


def test_nothing_is_started_for_tests_that_do_not_ask(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_sum(service_config): assert 1 + 1 == 2")

    result = run(suite, "--service-module=there_is_none")

    result.assert_outcomes(passed=1)


def test_failing_test_shows_what_the_service_wrote_during_it_and_no_other(
    suite: pytest.Pytester,
) -> None:
    config = write_config(suite.path, odd_config())
    suite.makepyfile(
        """
def test_passes(service_process):
    pass

async def test_fails(websocket_client):
    async with websocket_client.get("raising") as chat:
        await chat.send("how are you?")
        await chat.recv()

def test_does_not_use_it():
    assert False
"""
    )

    result = run(suite, f"--service-config={config}", "--service-module=tests.services.odd")

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*test_fails*",
            "E *ConnectionClosed: closed with 1011",
            "*Log of the service during call*",
            "*RuntimeError: the handler does not feel well",
        ]
    )
    assert result.stdout.str().count("Log of the service") == 1
    assert "listening on" not in result.stdout.str()


def test_service_that_cannot_start_is_an_error_that_says_why(suite: pytest.Pytester) -> None:
    suite.makeconftest(
        f"""{CONFTEST}
import pytest

def lame(config):
    config["components_manager"]["components"]["no-such-component"] = {{}}

@pytest.fixture(scope="session")
def service_config_hooks():
    return [lame]
"""
    )
    suite.makepyfile(ECHO)

    result = run(suite)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*the service has ended with exit code 1; its log:*", "*no-such-component*"]
    )


def test_service_that_leaves_with_an_error_is_an_error(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        lame="""
import sys
from app.main import main
if __name__ == "__main__":
    try:
        main()
    except SystemExit:
        sys.exit("something was left undone")
""",
        test_echo=ECHO,
    )

    result = run(suite, "--service-module=lame")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*the service has left with exit code 1; its log:*", "something was left undone*"]
    )


def test_service_that_has_died_is_named_as_the_reason(suite: pytest.Pytester) -> None:
    suite.makepyfile(f"""
import os, signal
import pytest

def test_kill(service_process):
    os.kill(service_process.pid, signal.SIGTERM)
    service_process.stop()
{ECHO}""")

    result = run(suite)

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ServiceFailed: the service has ended with exit code 0*"])


def test_config_environment_and_command_of_the_session_can_be_changed(
    suite: pytest.Pytester,
) -> None:
    (suite.path / "other.yaml").write_bytes((suite.path / "config/static_config.yaml").read_bytes())
    suite.makeconftest(
        f"""{CONFTEST}
import pytest

def move_chat(config):
    config["components_manager"]["components"]["websocket-handler"]["path"] = "/talk"

@pytest.fixture(scope="session")
def service_config_hooks(service_config_hooks):
    return [*service_config_hooks, move_chat]

@pytest.fixture(scope="session")
def service_env():
    return {{"GREETING": "hello"}}
"""
    )
    suite.makepyfile(
        greeting="""
import os
from app.main import app, main
if __name__ == "__main__":
    print("greeting:", os.environ["GREETING"], flush=True)
    main()
""",
        test_changes="""
import os
import pytest
from app.testsuite import HandshakeRefused

async def talk(client):
    with pytest.raises(HandshakeRefused, match="404"):
        async with client.get("chat"):
            pass
    async with client.get("talk") as chat:
        await chat.send("hello")
        assert await chat.recv() == "hello"

async def test_process(websocket_client, service_process):
    await talk(websocket_client)
    assert "greeting: hello" in service_process.log.since()

async def test_app(app_client):
    await talk(app_client)
    assert os.environ["GREETING"] == "hello"

def test_paths(service_config_path, service_config_path_temp, service_command):
    assert service_config_path.name == "other.yaml"
    assert service_command[1:] == ["-m", "greeting", "-c", str(service_config_path_temp)]
    assert "GREETING" not in os.environ
""",
    )
    shutil.copy(suite.path / "greeting.py", suite.path / "main.py")
    suite.makeconftest(
        (suite.path / "conftest.py").read_text()
        + """
@pytest.fixture(scope="session")
def service_app():
    import main
    return main.app
"""
    )

    result = run(suite, "--service-config=other.yaml", "--service-module=greeting")

    result.assert_outcomes(passed=3)


def test_app_client_runs_the_lifespan_around_each_test(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
import asyncio
from app.main import app

async def test_echo(app_client):
    async with app_client.get("chat") as chat:
        await chat.send("hello")
        assert await chat.recv() == "hello"
    assert app.state.static_config.path.endswith("/static_config.yaml")
    running = app._running
    assert list(running) == [asyncio.get_running_loop()]

async def test_page(app_client):
    assert "<title>" in (await app_client.http.get("/")).text

def test_stopped():
    assert app._running == {}
"""
    )

    result = run(suite)

    result.assert_outcomes(passed=3)


def test_app_that_cannot_start_is_an_error_that_says_why(suite: pytest.Pytester) -> None:
    suite.makepyfile("async def test_app(app_client): pass")
    config = suite.path / "config" / "static_config.yaml"
    config.write_text(config.read_text() + "        no-such-component: {}\n")

    result = run(suite)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["E *LifespanFailed: startup: *no-such-component: no listed component*"]
    )


def test_connection_may_be_a_fixture(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
import pytest

@pytest.fixture
async def chat(websocket_client):
    async with websocket_client.get("chat") as chat:
        yield chat

async def test_echo(chat):
    await chat.send("hello")
    assert await chat.recv() == "hello"

async def test_times_out(chat):
    await chat.recv(timeout=0.05)
"""
    )

    result = run(suite)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["> *await chat.recv(timeout=0.05)", "E *TimeoutError: no message has come within 0.05 s*"]
    )
