import asyncio
import gzip
import json
import logging
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.config_updates import config_client
from app.config_updates.answers import parse_answer
from app.config_updates.config_client import Attempts, ConfigClient
from app.config_updates.config_url import ServiceUrl
from app.config_updates.errors import UpdateError
from app.config_updates.protocol import VALUES_PATH, ValuesAnswer, ValuesRequest
from tests.helpers.certificates import make_certificate
from tests.helpers.fake_config_service import FakeConfigService
from tests.helpers.service_process import free_port

SHORT = 0.3
"""Seconds until an attempt at something that hangs is given up."""

EVERYTHING = ValuesRequest()

ANSWER = json.dumps({"configs": {"A": 1}, "updated_at": "2026"}).encode()


@pytest.fixture
def service() -> Iterator[FakeConfigService]:
    with FakeConfigService() as service:
        service.set("A", 1)
        yield service


@pytest.fixture
def proxy() -> Iterator[FakeConfigService]:
    with FakeConfigService() as service:
        service.set("A", "by the proxy")
        yield service


class Client:
    """A client that does not sleep, and what it was told to do."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.proxy = ""
        self.in_each_pause: Callable[[], None] = lambda: None
        self._made: list[ConfigClient[ValuesAnswer]] = []

    def __call__(
        self,
        url: str,
        *,
        count: int = 1,
        timeout: float = 10.0,
        fallback: bool = True,
        path: str | None = VALUES_PATH,
        token: str | None = None,
    ) -> ConfigClient[ValuesAnswer]:
        client = ConfigClient(
            ServiceUrl.of(url, path, token),
            ValuesAnswer,
            Attempts(count, timeout, fallback_to_no_proxy=fallback),
            lambda: self.proxy,
            chance=lambda: 1.0,
            sleep=self.sleep,
        )
        self._made.append(client)
        return client

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.in_each_pause()

    async def close(self) -> None:
        for each in self._made:
            await each.close()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    client = Client()
    yield client
    await client.close()


async def refusal(client: ConfigClient[ValuesAnswer]) -> str:
    with pytest.raises(UpdateError) as caught:
        await client.ask(EVERYTHING)
    return str(caught.value)


# Requests and answers


async def test_request_is_that_of_the_protocol(service: FakeConfigService, client: Client) -> None:
    request = ValuesRequest(ids=["A", "B"], updated_since="2026", service="chat", stage_name="test")

    await client(service.url).ask(request)
    await client(service.url).ask(EVERYTHING)

    full, empty = service.asked
    assert full.target == empty.target == "/configs/values"
    assert full.headers["Content-Type"] == "application/json"
    assert full.document == {
        "ids": ["A", "B"],
        "updated_since": "2026",
        "service": "chat",
        "stage_name": "test",
    }
    assert empty.document == {}


async def test_answer_is_returned(service: FakeConfigService, client: Client) -> None:
    answer = await client(service.url).ask(EVERYTHING)

    assert (answer.configs, answer.updated_at) == ({"A": 1}, service.now)


async def test_requests_share_a_connection(service: FakeConfigService, client: Client) -> None:
    asking = client(service.url)

    for _ in range(3):
        await asking.ask(EVERYTHING)

    assert service.connections == 1


async def test_user_and_password_of_the_url_are_sent_and_not_told(
    service: FakeConfigService, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asking = client(service.url.replace("//", "//user:secret@"))

    await asking.ask(EVERYTHING)
    service.fail(401)
    text = await refusal(asking)

    assert service.asked[0].headers["Authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert text.endswith("answered 401: ''; see token, or the user and the password in config-url")
    assert "secret" not in text + caplog.text


async def test_token_is_sent_and_not_told(
    service: FakeConfigService, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    asking = client(service.url, token="secret-of-the-chat")

    await asking.ask(EVERYTHING)
    service.fail(401)
    text = await refusal(asking)

    assert service.asked[0].headers["Authorization"] == "Bearer secret-of-the-chat"
    assert "secret" not in text + caplog.text + repr(ServiceUrl.of(service.url, None, "secret"))


async def test_path_may_be_the_url_s_own(service: FakeConfigService, client: Client) -> None:
    await client(f"{service.url}/own?key=1", path=None).ask(EVERYTHING)

    assert service.asked[0].target == "/own?key=1"


async def test_answer_is_wanted_as_it_is(service: FakeConfigService, client: Client) -> None:
    service.send(ANSWER, Content_Encoding="Identity")

    assert (await client(service.url).ask(EVERYTHING)).configs == {"A": 1}
    assert service.asked[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(("length", "elsewhere"), [(config_client.LONG, 0), (1 << 20, 1)])
async def test_long_answer_is_parsed_beside_the_event_loop(
    service: FakeConfigService,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    length: int,
    elsewhere: int,
) -> None:
    threads: set[threading.Thread] = set()

    def parse(*arguments: Any) -> Any:
        threads.add(threading.current_thread())
        return parse_answer(*arguments)

    monkeypatch.setattr(config_client, "parse_answer", parse)
    service.send(ANSWER.ljust(length))

    assert (await client(service.url).ask(EVERYTHING)).configs == {"A": 1}
    assert len(threads - {threading.main_thread()}) == elsewhere


async def test_who_asks_briefly_makes_one_attempt(
    service: FakeConfigService, client: Client
) -> None:
    service.fail(503)

    with pytest.raises(UpdateError, match=r"answered 503: ''$"):
        await client(service.url, count=3).ask(EVERYTHING, briefly=True)

    assert len(service.asked) == 1


# Failures that may pass


Failing = Callable[[FakeConfigService], None]

PASSING: dict[str, tuple[Failing, str]] = {
    "status 500": (lambda s: s.fail(500, b"oops"), "answered 500: 'oops'"),
    "status 503": (lambda s: s.fail(503), "answered 503: ''"),
    "status 429": (lambda s: s.fail(429), "answered 429: ''"),
    "hang": (FakeConfigService.hang, "no whole answer within 300ms, see http-timeout"),
    "hang in the middle": (
        FakeConfigService.hang_in_the_middle,
        "no whole answer within 300ms, see http-timeout",
    ),
    "drip": (FakeConfigService.drip, "no whole answer within 300ms, see http-timeout"),
    "cut": (FakeConfigService.cut, "see config-url, and whether the config service is there"),
    "away": (
        FakeConfigService.go_away,
        "Connection refused; see config-url, and whether the config service is there",
    ),
}


@pytest.mark.parametrize("failing", PASSING)
async def test_what_may_pass_is_tried_again_and_then_told(
    service: FakeConfigService, client: Client, failing: str
) -> None:
    fail, expected = PASSING[failing]
    fail(service)

    text = await refusal(client(service.url, count=3, timeout=SHORT))

    assert text.startswith(f"http://127.0.0.1:{service.port}/configs/values: ")
    assert text.endswith(f"{expected} (attempts: 3)")
    assert client.pauses == [0.1, 0.2]
    assert len(service.asked) == (0 if failing == "away" else 3)


@pytest.mark.parametrize("failing", PASSING)
async def test_what_has_passed_is_not_told(
    service: FakeConfigService, client: Client, failing: str
) -> None:
    PASSING[failing][0](service)

    def mend() -> None:
        service.work()
        if failing == "away":
            service.come_back()

    client.in_each_pause = mend

    answer = await client(service.url, count=2, timeout=SHORT).ask(EVERYTHING)

    assert answer.configs == {"A": 1}


async def test_single_attempt_is_not_counted(service: FakeConfigService, client: Client) -> None:
    service.fail(500)

    assert (await refusal(client(service.url))).endswith("answered 500: ''")
    assert client.pauses == []


@pytest.mark.parametrize(("retry_after", "seconds"), [("2", 2.0), ("3600", 5.0), ("later", 0.0)])
async def test_retry_after_is_waited_up_to_a_bound(
    service: FakeConfigService, client: Client, retry_after: str, seconds: float
) -> None:
    service.fail(429, Retry_After=retry_after)

    await refusal(client(service.url, count=2))

    assert client.pauses == [pytest.approx(0.1 + seconds)]


async def test_kept_connection_that_the_other_side_has_cut_is_no_failure(
    service: FakeConfigService, client: Client
) -> None:
    asking = client(service.url, count=2)
    await asking.ask(EVERYTHING)

    service.go_away()
    service.come_back()

    assert (await asking.ask(EVERYTHING)).configs == {"A": 1}


# Failures that stay


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b"who are you?", "answered 400: 'who are you?'"),
        (403, b"", "answered 403: ''; see token, or the user and the password in config-url"),
        (404, b"no", "answered 404: 'no'; see config-url and append-path-to-url"),
        (204, b"", "answered 204: ''"),
        (499, b"\x1b[2J\r\n\xff", "answered 499: '\\x1b[2J\\r\\n\ufffd'"),
    ],
)
async def test_other_status_is_told_at_once_with_the_beginning_of_the_answer(
    service: FakeConfigService, client: Client, status: int, body: bytes, expected: str
) -> None:
    service.fail(status, body)

    assert (await refusal(client(service.url, count=3))).endswith(f"/configs/values: {expected}")
    assert client.pauses == []


async def test_long_answer_is_not_told_as_a_whole(
    service: FakeConfigService, client: Client
) -> None:
    service.fail(400, b"x" * 10**6)

    assert len(await refusal(client(service.url))) < 300


async def test_redirect_is_not_followed_and_told(
    service: FakeConfigService, client: Client
) -> None:
    service.fail(307, Location="http://elsewhere/configs/values")

    assert (await refusal(client(service.url, count=3))).endswith(
        "answered 307: ''; redirects are not followed, this one leads to"
        " http://elsewhere/configs/values: see config-url"
    )
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        (b"<html>", {}, "the answer is not valid JSON: "),
        (b"{}", {}, "configs: required, but not there"),
        (
            gzip.compress(ANSWER, mtime=0),
            {"Content_Encoding": "gzip"},
            "the answer is encoded (gzip), which was not asked for",
        ),
    ],
)
async def test_answer_that_is_none_is_told_at_once(
    service: FakeConfigService,
    client: Client,
    body: bytes,
    headers: dict[str, str],
    expected: str,
) -> None:
    service.send(body, **headers)

    assert expected in await refusal(client(service.url, count=3))
    assert client.pauses == []


async def test_answer_of_any_length_is_not_read_to_its_end(
    service: FakeConfigService, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_client, "MAX_ANSWER", 3 * 1024**2)
    service.flood()

    text = await refusal(client(service.url, count=3))

    assert text.endswith("the answer has more than 3 MiB; see load-only-my-values")


async def test_answer_may_have_just_so_many_bytes(
    service: FakeConfigService, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config_client, "MAX_ANSWER", 3 * 1024**2)
    body = ANSWER.ljust(3 * 1024**2)

    service.send(body)
    assert (await client(service.url).ask(EVERYTHING)).configs == {"A": 1}

    service.send(body + b" ")
    assert "more than 3 MiB" in await refusal(client(service.url))


@pytest.mark.parametrize("url", ["http://a..b", "http://" + "a" * 100])
async def test_host_that_cannot_be_is_told(client: Client, url: str) -> None:
    assert (await refusal(client(url))).startswith(f"{url}/configs/values: ")


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH\r\n", b"\x15\x03\x01\x00\x02", b"HTTP/9\r\n"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_does_not_speak_http_is_told(
    client: Client, scheme: str, garbage: bytes
) -> None:
    def answer(_: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    text = await refusal(client(f"{scheme}://127.0.0.1:{port}", count=2))
    server.close()

    assert "whether the config service is there (attempts: 2)" in text


async def test_giving_up_in_the_middle_ends_at_once_and_closes_the_connection(
    service: FakeConfigService, client: Client
) -> None:
    service.hang()
    asking = asyncio.ensure_future(client(service.url, timeout=3600.0).ask(EVERYTHING))
    await asyncio.to_thread(service.wait_for_total, 1)

    asking.cancel()

    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await asking


# The proxy


async def test_proxy_of_this_moment_is_asked(
    service: FakeConfigService, proxy: FakeConfigService, client: Client
) -> None:
    asking = client(service.url)

    for client.proxy in ("", f"127.0.0.1:{proxy.port}", ""):
        await asking.ask(EVERYTHING)

    assert [each.target for each in proxy.asked] == [f"{service.url}/configs/values"]
    assert len(service.asked) == 2


@pytest.mark.parametrize("failing", [*PASSING, "status 403", "garbage"])
async def test_proxy_that_fails_is_done_without(
    service: FakeConfigService,
    proxy: FakeConfigService,
    client: Client,
    failing: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures: dict[str, Failing] = {
        **{name: fail for name, (fail, _) in PASSING.items()},
        "status 403": lambda proxy: proxy.fail(403, b"not for you"),
        "garbage": lambda proxy: proxy.send(b"<html>Log in first</html>"),
    }
    failures[failing](proxy)
    client.proxy = f"user:secret@127.0.0.1:{proxy.port}"
    asking = client(service.url, timeout=SHORT)

    for _ in range(2):
        assert (await asking.ask(EVERYTHING)).configs == {"A": 1}

    told = [each.getMessage() for each in caplog.records if each.name == config_client.__name__]
    assert len(told) == 1
    through = f"through the proxy http://127.0.0.1:{proxy.port} (USERVER_HTTP_PROXY): "
    url = f"{service.url}/configs/values"
    assert told[0].startswith(f"the proxy is done without: {url} {through}")
    assert "secret" not in caplog.text
    assert "config service is there" not in caplog.text


async def test_proxy_that_fails_again_is_told_again(
    service: FakeConfigService,
    proxy: FakeConfigService,
    client: Client,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client.proxy = f"127.0.0.1:{proxy.port}"
    asking = client(service.url)

    for fail in (True, False, True):
        proxy.fail(502) if fail else proxy.work()
        await asking.ask(EVERYTHING)

    assert caplog.text.count("is done without") == 2


async def test_proxy_is_not_done_without_where_that_is_not_wanted(
    service: FakeConfigService, proxy: FakeConfigService, client: Client
) -> None:
    proxy.fail(407)
    client.proxy = f"127.0.0.1:{proxy.port}"

    text = await refusal(client(service.url, fallback=False))

    assert text.endswith("answered 407: ''; see the user and the password in USERVER_HTTP_PROXY")
    assert service.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_proxy_that_is_away_is_what_is_told(
    service: FakeConfigService, client: Client, scheme: str, host: str
) -> None:
    proxy = f"{host}:{free_port()}"
    client.proxy = f"{scheme}://user:secret@{proxy}"

    text = await refusal(client(service.url, fallback=False))

    assert text == (
        f"{service.url}/configs/values through the proxy {scheme}://{proxy} (USERVER_HTTP_PROXY):"
        " Connection refused; see whether the proxy is there"
    )


async def test_certificate_that_is_not_trusted_is_told(client: Client, tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = make_certificate(tmp_path, "server")
    server.load_cert_chain(made.cert, made.private_key)
    with FakeConfigService(tls=server) as service:
        assert "certificate verify failed" in await refusal(client(service.url))


async def test_failure_without_the_proxy_is_what_is_told(client: Client) -> None:
    client.proxy = f"127.0.0.1:{free_port()}"

    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        text = await refusal(client(url, count=2, timeout=SHORT))

    assert (
        text
        == f"{url}/configs/values: no whole answer within 300ms, see http-timeout (attempts: 2)"
    )
