import asyncio
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from app.signals import on_signal
from tests.helpers.clients import TIMEOUT

SIGN = signal.SIGUSR2


@pytest.fixture(autouse=True)
def signal_as_it_was() -> Iterator[None]:
    """Whatever a test does, the signal ends no process of tests."""
    before = signal.signal(SIGN, signal.SIG_IGN)
    yield
    signal.signal(SIGN, before)


def send_signal() -> None:
    """Send the signal to ourselves; its handler has run when this returns."""
    signal.raise_signal(SIGN)


def test_signal_calls_the_action_each_time() -> None:
    calls: list[str] = []
    on_signal(SIGN, lambda: calls.append("called"))

    send_signal()
    send_signal()

    assert calls == ["called", "called"]


def test_other_signals_do_not() -> None:
    calls: list[str] = []
    on_signal(SIGN, lambda: calls.append("called"))
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, before)

    assert calls == []
    send_signal()
    assert calls == ["called"]


def test_what_the_signal_did_before_is_done_after_the_action() -> None:
    calls: list[object] = []

    def handler(number: int, frame: FrameType | None) -> None:
        calls.append((number, frame is not None))

    signal.signal(SIGN, handler)
    on_signal(SIGN, lambda: calls.append("action"))

    send_signal()

    assert calls == ["action", (SIGN, True)]


@pytest.mark.parametrize("before", [signal.SIG_IGN, signal.SIG_DFL])
def test_undone_the_signal_does_what_it_did_before(before: signal.Handlers) -> None:
    signal.signal(SIGN, before)
    undo = on_signal(SIGN, lambda: None)
    send_signal()

    undo()

    assert signal.getsignal(SIGN) is before


def test_two_are_undone_in_reverse() -> None:
    calls: list[str] = []
    undo_first = on_signal(SIGN, lambda: calls.append("first"))
    undo_second = on_signal(SIGN, lambda: calls.append("second"))
    send_signal()
    undo_second()
    send_signal()
    undo_first()
    send_signal()

    assert calls == ["second", "first", "first"]


def test_handler_that_python_has_not_installed_is_replaced_by_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python can neither call nor put back what an embedding program has installed."""
    monkeypatch.setattr(signal, "getsignal", lambda _: None)
    calls: list[str] = []
    undo = on_signal(SIGN, lambda: calls.append("called"))
    send_signal()
    monkeypatch.undo()

    undo()

    assert calls == ["called"]
    assert signal.getsignal(SIGN) is signal.SIG_DFL


def test_outside_the_main_thread_signals_are_left_alone() -> None:
    """As where the lifespan of an application runs in a thread of tests."""
    before = signal.getsignal(SIGN)

    def install_and_undo() -> None:
        on_signal(SIGN, lambda: None)()

    thread = threading.Thread(target=install_and_undo)
    thread.start()
    thread.join()

    assert signal.getsignal(SIGN) is before


async def test_event_loop_that_waits_is_woken() -> None:
    loop = asyncio.get_running_loop()
    seen = asyncio.Event()

    def hand_over() -> None:
        loop.call_soon_threadsafe(seen.set)

    on_signal(SIGN, hand_over)
    main = threading.main_thread().ident
    assert main is not None

    sender = threading.Timer(0, signal.pthread_kill, (main, SIGN))
    sender.start()
    async with asyncio.timeout(TIMEOUT):
        await seen.wait()
    sender.join()
