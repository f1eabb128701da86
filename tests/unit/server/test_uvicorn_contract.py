"""What we use of Uvicorn without its promise: when one of these fails, a release has changed it."""

import asyncio
import inspect
import logging
import signal
from typing import Any

import pytest
import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.lifespan.on import LifespanOn
from uvicorn.middleware.message_logger import MessageLoggerMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server, ServerState
from uvicorn.supervisors.multiprocess import SIGNALS, Multiprocess, Process


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing."""


@pytest.fixture
def config() -> uvicorn.Config:
    config = uvicorn.Config(application, log_config=None)
    config.load()
    return config


def test_config_says_what_was_chosen_and_what_it_was_resolved_to(config: uvicorn.Config) -> None:
    assert (config.ws, config.http) == ("auto", "auto")
    assert config.http_protocol_class is HttpToolsProtocol
    assert config.ws_protocol_class is not None
    assert (config.ws_ping_interval, config.ws_ping_timeout) == (20.0, 20.0)
    assert (config.ws_max_size, config.ws_max_queue) == (16 * 1024 * 1024, 32)
    assert config.reset_contextvars is False


async def test_lifespan_receives_by_a_bound_method_that_leads_to_the_config(
    config: uvicorn.Config,
) -> None:
    receive: Any = LifespanOn(config).receive

    assert receive.__self__.config is config


def test_receive_at_trace_level_closes_over_the_bound_method() -> None:
    source = inspect.getsource(MessageLoggerMiddleware.__call__)

    assert "message = await receive()" in source


def test_http_class_is_looked_up_in_the_config_for_each_connection() -> None:
    assert "config.http_protocol_class(" in inspect.getsource(Server.startup)


async def test_http_class_has_what_ours_builds_on(config: uvicorn.Config) -> None:
    state = ServerState()
    protocol = HttpToolsProtocol(config=config, server_state=state, app_state={})
    protocol.on_message_begin()

    assert protocol.app is config.loaded_app
    assert protocol.loop is asyncio.get_running_loop()
    assert protocol.connections is state.connections
    assert protocol.tasks is state.tasks
    assert protocol.server_state.default_headers == []
    assert protocol.headers == []
    assert protocol.url == b""
    assert protocol.cycle is None
    assert protocol.limit_concurrency is None
    assert (protocol.root_path, protocol.asgi_version) == ("", "3.0")
    assert {"client", "headers", "http_version", "root_path", "server", "state"} < set(
        protocol.scope
    )
    assert callable(protocol._unset_keepalive_if_required)
    assert callable(protocol._unsupported_upgrade_warning)
    assert callable(protocol._start_asgi_task)
    assert protocol._should_upgrade_to_ws() is True
    assert isinstance(protocol.logger, logging.Logger)


def test_http_class_may_be_any_callable_that_takes_keywords() -> None:
    def make(**options: Any) -> None:
        """Stands for our factory."""

    config = uvicorn.Config(application, http=make, log_config=None)  # type: ignore[arg-type]
    config.load()

    taken: object = config.http_protocol_class
    assert taken is make
    call = inspect.getsource(Server.startup).partition("config.http_protocol_class(")[2]
    for option in ("config=config", "server_state=", "app_state=", "_loop="):
        assert option in call


def test_requests_wait_in_a_pipeline_and_start_by_one_method() -> None:
    assert list(inspect.signature(HttpToolsProtocol._start_asgi_task).parameters) == [
        *("self", "cycle", "app")
    ]
    for method in (HttpToolsProtocol.on_headers_complete, HttpToolsProtocol.on_response_complete):
        assert "self._start_asgi_task(" in inspect.getsource(method)
    response = inspect.getsource(HttpToolsProtocol.on_response_complete)
    resumed, _, popped = response.partition("self.flow.resume_reading()")
    assert "self.pipeline.pop()" not in resumed
    assert "self.pipeline.pop()" in popped


def test_request_that_is_given_up_sends_nothing_more_and_receives_the_end() -> None:
    source = inspect.getsource(RequestResponseCycle)

    for used in ("self.disconnected = False", "self.response_started = False", "message_event"):
        assert used in source


def test_flow_control_is_what_ours_builds_on() -> None:
    assert {name for name in vars(FlowControl) if not name.startswith("_")} == {
        *("drain", "pause_reading", "resume_reading", "pause_writing", "resume_writing")
    }
    source = inspect.getsource(FlowControl)
    assert "self._transport = transport" in source
    assert "self.read_paused" in source


def test_proxies_are_trusted_by_one_middleware() -> None:
    trusting = uvicorn.Config(application, log_config=None, forwarded_allow_ips=["10.0.0.0/8"])
    trusting.load()
    nobody = uvicorn.Config(application, log_config=None, proxy_headers=False)
    nobody.load()

    assert isinstance(trusting.loaded_app, ProxyHeadersMiddleware)
    assert "10.1.2.3" in trusting.loaded_app.trusted_hosts
    assert "127.0.0.1" not in trusting.loaded_app.trusted_hosts
    assert not isinstance(nobody.loaded_app, ProxyHeadersMiddleware)


def test_shutdown_asks_each_connection_to_end() -> None:
    assert "connection.shutdown()" in inspect.getsource(Server.shutdown)


def test_supervisor_has_what_ours_builds_on(config: uvicorn.Config) -> None:
    before = {sign: signal.getsignal(sign) for sign in SIGNALS}
    try:
        supervisor = Multiprocess(config, [])
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)

    assert (supervisor.config, supervisor.sockets, supervisor.processes) == (config, [], [])
    assert supervisor.processes_num == config.workers
    assert supervisor.signal_queue == []
    assert not supervisor.should_exit.is_set()
    for overridden in (
        supervisor.run,
        supervisor.init_processes,
        supervisor.keep_subprocess_alive,
        supervisor.restart_all,
        supervisor.terminate_all,
        supervisor.join_all,
        supervisor.handle_signals,
    ):
        assert list(inspect.signature(overridden).parameters) == []


def test_supervisor_sets_should_exit_for_the_signals_to_leave() -> None:
    for handle in (Multiprocess.handle_int, Multiprocess.handle_term):
        assert "self.should_exit.set()" in inspect.getsource(handle)
    assert "self.restart_all()" in inspect.getsource(Multiprocess.handle_hup)


def test_worker_process_answers_whether_it_serves(config: uvicorn.Config) -> None:
    process = Process(config, [])
    process.parent_conn.send(b"ping")
    process.pong()

    assert process.parent_conn.recv() is False
    assert (process.exitcode, process.pid) == (None, None)
    assert process.process.name.rpartition("-")[2].isdigit()
    assert STARTUP_FAILURE == 3
