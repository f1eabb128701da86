import asyncio
import contextlib
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from app.handlers.admission import RETRY_AFTER, Admission, Place, Refusal
from app.handlers.live_limits import LiveLimits
from app.websocket.limits import Limits
from tests.helpers.changing_limits import change_limits, limits_source, live_limits

TIMEOUT = 10.0


def request(address: str | None = "192.0.2.1", **headers: str) -> HTTPConnection:
    """A handshake of a client at `address`; of one on a Unix socket if that is None."""
    scope = {
        "type": "websocket",
        "client": None if address is None else (address, 50000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    return HTTPConnection(scope)


def make(allowed_origins: list[str] | None = None, **limits: int) -> Admission:
    return Admission(allowed_origins, live_limits(**limits))


@contextlib.contextmanager
def connected(admission: Admission, *hosts: str | None) -> Iterator[None]:
    """Let a client in from each of the hosts until the block is left."""
    with contextlib.ExitStack() as stack:
        for host in hosts:
            assert stack.enter_context(admission.admit(request(host))) is None
        yield


def refusal(admission: Admission, handshake: HTTPConnection | None = None) -> Refusal:
    with admission.admit(handshake or request()) as refusal:
        assert refusal is not None
        return refusal


def is_full(admission: Admission, host: str | None = "192.0.2.1") -> bool:
    with admission.admit(request(host)) as refusal:
        return refusal is not None


# How many


def test_any_number_may_connect_unless_told() -> None:
    with connected(make(), *["192.0.2.1"] * 100, *[None] * 100):
        pass


def test_one_more_than_may_connect_is_told_to_come_back() -> None:
    admission = make(max_connections=2)

    with connected(admission, "192.0.2.1", None):
        refused = refusal(admission, request("192.0.2.2"))

    assert (refused.option, refused.status) == ("max-connections", 503)
    assert (b"retry-after", b"%d" % RETRY_AFTER) in refused.headers
    assert (b"content-type", b"text/plain; charset=utf-8") in refused.headers
    assert b"max-connections" in refused.body


def test_one_more_of_an_address_than_may_connect_is_told_to_close_one() -> None:
    admission = make(max_connections_per_address=2)

    with connected(admission, "192.0.2.1", "192.0.2.1", "192.0.2.2"):
        refused = refusal(admission, request("192.0.2.1"))
        assert not is_full(admission, "192.0.2.2")
        assert not is_full(admission, "192.0.2.3")

    assert (refused.option, refused.status) == ("max-connections-per-address", 429)
    assert (b"retry-after", b"%d" % RETRY_AFTER) in refused.headers
    assert b"max-connections-per-address" in refused.body


def test_who_has_too_many_is_told_so_also_when_there_are_too_many() -> None:
    admission = make(max_connections=1, max_connections_per_address=1)

    with connected(admission, "192.0.2.1"):
        assert refusal(admission, request("192.0.2.1")).status == 429
        assert refusal(admission, request("192.0.2.2")).status == 503


def test_clients_without_an_address_are_not_counted_by_address() -> None:
    admission = make(max_connections=4, max_connections_per_address=1)

    with connected(admission, None, None, "", ""):
        assert refusal(admission, request(None)).status == 503


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::2"),
        ("2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff"),
        ("2001:db8::1", "2001:DB8::2"),
        ("fe80::1", "fe80::2%eth0"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("localhost", "localhost"),
        ("x" * 64 + "a", "x" * 64 + "b"),
    ],
)
def test_addresses_of_one_customer_count_together(one: str, other: str) -> None:
    admission = make(max_connections_per_address=1)

    with connected(admission, one):
        assert is_full(admission, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8:0:1::1"),
        ("192.0.2.1", "192.0.2.2"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2"),
        ("::1", "127.0.0.1"),
        ("one", "other"),
    ],
)
def test_other_addresses_count_apart(one: str, other: str) -> None:
    admission = make(max_connections_per_address=1)

    with connected(admission, one):
        assert not is_full(admission, other)


# When how many may be there changes


def test_limits_that_come_hold_for_the_next_client_and_throw_nobody_out() -> None:
    source = limits_source()
    admission = Admission(None, LiveLimits("chat", Limits(), source))

    with connected(admission, "192.0.2.1", "192.0.2.1", "192.0.2.2"):
        change_limits(source, chat={"max-connections": 2})
        assert refusal(admission, request("192.0.2.3")).status == 503

        change_limits(source, chat={"max-connections": 4})
        with connected(admission, "192.0.2.3"):
            assert refusal(admission, request("192.0.2.4")).status == 503

        change_limits(source, chat={})
        with connected(admission, *["192.0.2.1"] * 10):
            pass


def test_addresses_have_been_counted_before_they_have_a_limit() -> None:
    source = limits_source()
    admission = Admission(None, LiveLimits("chat", Limits(), source))

    with connected(admission, "192.0.2.1"):
        with connected(admission, "192.0.2.1", "192.0.2.2"):
            change_limits(source, chat={"max-connections-per-address": 2})
            assert refusal(admission, request("192.0.2.1")).status == 429
            assert not is_full(admission, "192.0.2.2")
        assert not is_full(admission, "192.0.2.1")

        change_limits(source, chat={"max-connections-per-address": 1})
        assert is_full(admission, "192.0.2.1")
    assert not is_full(admission, "192.0.2.1")


def test_limit_of_the_static_config_holds_again_when_the_other_has_gone() -> None:
    source = limits_source(chat={"max-connections-per-address": 0})
    admission = Admission(None, LiveLimits("chat", Limits(max_connections_per_address=1), source))

    with connected(admission, "192.0.2.1", "192.0.2.1"):
        change_limits(source)
        assert is_full(admission, "192.0.2.1")
    assert not is_full(admission, "192.0.2.1")


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("enter"), st.integers(0, 2)),
            st.tuples(st.just("leave"), st.integers(0, 9)),
            st.tuples(st.just("per-address"), st.integers(0, 3)),
            st.tuples(st.just("all"), st.integers(0, 5)),
        ),
        max_size=40,
    )
)
def test_counts_are_those_of_the_clients_that_are_there_however_the_limits_change(
    steps: list[tuple[str, int]],
) -> None:
    source = limits_source()
    admission = Admission(None, LiveLimits("chat", Limits(), source))
    there: list[tuple[str, Place]] = []
    per_address = everywhere = 0
    for step, number in steps:
        if step == "enter":
            host = f"192.0.2.{number}"
            of_host = sum(other == host for other, _ in there)
            place = admission.admit(request(host))
            refused = place.__enter__()
            is_over = 0 < per_address <= of_host or 0 < everywhere <= len(there)
            assert (refused is not None) is is_over
            if refused is None:
                there.append((host, place))
        elif step == "leave" and there:
            there.pop(number % len(there))[1].__exit__(None, None, None)
        elif step == "per-address":
            per_address = number
        elif step == "all":
            everywhere = number
        change_limits(
            source,
            chat={"max-connections": everywhere, "max-connections-per-address": per_address},
        )


# For how long


def test_place_is_free_again_when_the_client_has_gone() -> None:
    admission = make(max_connections=1, max_connections_per_address=1)

    for _ in range(3):
        with connected(admission, "192.0.2.1"):
            assert is_full(admission)
        assert not is_full(admission)


def test_refused_client_takes_no_place() -> None:
    admission = make(max_connections=2, max_connections_per_address=1)

    with connected(admission, "192.0.2.1"):
        for _ in range(3):
            assert is_full(admission)
        assert not is_full(admission, "192.0.2.2")
    assert not is_full(admission)


def test_place_that_nobody_enters_is_none() -> None:
    admission = make(max_connections=1, max_connections_per_address=1)

    admission.admit(request())

    assert not is_full(admission)


def test_place_is_free_again_after_an_exception() -> None:
    admission = make(max_connections=1, max_connections_per_address=1)

    with pytest.raises(RuntimeError), connected(admission, "192.0.2.1"):
        raise RuntimeError("not well")

    assert not is_full(admission)


async def test_place_is_free_again_after_a_cancellation() -> None:
    admission = make(max_connections=1, max_connections_per_address=1)
    is_there = asyncio.Event()

    async def serve() -> None:
        with admission.admit(request()):
            is_there.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    await asyncio.wait_for(is_there.wait(), TIMEOUT)
    assert is_full(admission)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(serving, TIMEOUT)

    assert not is_full(admission)


def test_addresses_that_have_gone_take_no_memory() -> None:
    admission = make(max_connections=1, max_connections_per_address=1)
    with connected(admission, "192.0.2.1"):
        pass

    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(10_000):
            with admission.admit(request(f"10.0.{number >> 8}.{number & 255}")) as refused:
                assert refused is None
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    # 10 000 keys would take a megabyte.
    assert after - before < 100_000


# Which pages


def test_page_of_another_host_is_told_which_option_to_set() -> None:
    handshake = request(host="example.com", origin="https://evil.com")

    refused = refusal(make(), handshake)

    assert (refused.option, refused.status) == ("allowed-origins", 403)
    assert b"allowed-origins" in refused.body
    assert b"evil" not in refused.body


def test_page_of_another_host_may_connect_where_it_is_listed() -> None:
    admission = make(["https://pages.example"])
    listed = request(host="example.com", origin="https://pages.example")
    own = request(host="example.com", origin="https://example.com")

    with admission.admit(listed) as refused:
        assert refused is None
    assert refusal(admission, own).status == 403


def test_foreign_page_takes_no_place() -> None:
    admission = make(max_connections=1, max_connections_per_address=1)

    with admission.admit(request(origin="null")) as refused:
        assert refused is not None
        assert not is_full(admission)
    assert not is_full(admission)


def test_foreign_page_is_told_so_also_when_there_are_too_many() -> None:
    admission = make(max_connections=1)

    with connected(admission, None):
        assert refusal(admission, request(origin="null")).status == 403
