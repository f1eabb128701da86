import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.config_updates.client_component import (
    DynamicConfigClientComponent,
    DynamicConfigClientUpdaterComponent,
)
from app.config_updates.config_client import ConfigClient
from app.config_updates.errors import NoValuesError
from app.config_updates.protocol import ValuesAnswer, ValuesRequest
from app.static_config.errors import OptionError
from tests.helpers.fake_config_service import FakeConfigService
from tests.unit.config_updates.client_parts import CLIENT, UPDATER, Parts

MakeParts = Callable[..., Parts]


@pytest.fixture
async def make_parts() -> AsyncIterator[MakeParts]:
    async with AsyncExitStack() as stack:

        def make(*arguments: Any, **options: Any) -> Parts:
            parts = Parts(*arguments, **options)
            stack.push_async_exit(parts)
            return parts

        yield make


def refusal(section: type[Any], options: Mapping[str, object]) -> str:
    with pytest.raises(ValidationError) as caught:
        section.Config.model_validate(options)
    return str(caught.value.errors()[0]["msg"])


# Options


def test_options_of_the_original_are_taken() -> None:
    DynamicConfigClientComponent.Config.model_validate(
        {
            "get-configs-overrides-for-service": True,
            "service-name": "your-service",
            "http-timeout": "20s",
            "http-retries": 5,
            "config-url": "http://localhost:8083/",
            "append-path-to-url": True,
            "fallback-to-no-proxy": True,
        }
    )
    DynamicConfigClientUpdaterComponent.Config.model_validate(
        {
            "update-interval": "5s",
            "update-jitter": "2s",
            "full-update-interval": "1m",
            "exception-interval": "1s",
            "first-update-fail-ok": True,
            "load-only-my-values": True,
            "deduplicate-update-types": "full-and-incremental",
        }
    )


@pytest.mark.parametrize("name", ["config-url", "service-name"])
def test_what_a_client_cannot_do_without_is_required(name: str) -> None:
    options = {key: value for key, value in CLIENT.items() if key != name}

    assert refusal(DynamicConfigClientComponent, options) == "Field required"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("config-url", "localhost:8083"),
        ("service-name", ""),
        ("http-timeout", "0s"),
        ("http-timeout", "2h"),
        ("http-retries", 0),
        ("http-retries", 101),
        ("configs-stage-filepath", "nowhere.json"),
    ],
)
def test_bad_option_of_the_client_is_refused(option: str, value: object) -> None:
    assert refusal(DynamicConfigClientComponent, {**CLIENT, option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("update-interval", "0s"),
        ("update-interval", "366d"),
        ("update-jitter", "11s"),
        ("full-update-interval", "-1s"),
        ("exception-interval", "0s"),
        ("first-update-fail-ok", "yes"),
        ("deduplicate-update-types", "all"),
    ],
)
def test_bad_option_of_the_updater_is_refused(option: str, value: object) -> None:
    assert refusal(DynamicConfigClientUpdaterComponent, {**UPDATER, option: value})


def test_jitter_is_not_more_than_the_interval_which_is_told() -> None:
    options = {"update-interval": "90s", "update-jitter": "91s"}

    text = refusal(DynamicConfigClientUpdaterComponent, options)

    assert text.endswith("update-jitter: expected at most update-interval, 90s")


def test_there_is_one_stage(tmp_path: Path) -> None:
    path = tmp_path / "environment.json"
    path.write_text('{"env_name": "testing"}')
    options = {**CLIENT, "configs-stage": "testing", "configs-stage-filepath": str(path)}

    text = refusal(DynamicConfigClientComponent, options)

    assert text.endswith("configs-stage-filepath: either this or configs-stage, not both")


def test_schedule_has_the_defaults_that_are_documented() -> None:
    config = DynamicConfigClientUpdaterComponent.Config.model_validate(UPDATER)

    schedule = config.schedule
    assert (schedule.interval, schedule.jitter, schedule.after_failure) == (10.0, 1.0, 10.0)
    assert config.seconds_between_full_updates == 100.0


def test_zeros_are_no_defaults() -> None:
    options = {**UPDATER, "update-jitter": "0s", "full-update-interval": "0s"}
    config = DynamicConfigClientUpdaterComponent.Config.model_validate(options)

    assert config.schedule.jitter == 0.0
    assert config.seconds_between_full_updates == 0.0


async def test_client_that_nobody_uses_is_probably_not_meant(make_parts: MakeParts) -> None:
    parts = make_parts()
    alone = DynamicConfigClientComponent(
        DynamicConfigClientComponent.Config.model_validate(CLIENT), parts.source
    )

    assert [text for _, text in alone.warnings()] == [
        "asks for nothing: dynamic-config-client-updater has no section"
    ]
    assert list(parts.client.warnings()) == []


async def test_updater_needs_updates_to_be_enabled(make_parts: MakeParts) -> None:
    with pytest.raises(OptionError, match="updates-enabled: true"):
        make_parts(**{"updates-enabled": False})


# What is asked for


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[ValuesRequest]:
    """What clients that are made from now on are asked; they ask nobody."""
    requests: list[ValuesRequest] = []

    async def ask(_: ConfigClient, request: ValuesRequest) -> ValuesAnswer:
        requests.append(request)
        return ValuesAnswer(configs={}, updated_at="")

    monkeypatch.setattr(ConfigClient, "ask", ask)
    return requests


async def test_own_variables_are_asked_for_in_the_name_of_the_service(
    requests: list[ValuesRequest], make_parts: MakeParts
) -> None:
    await make_parts().updater.start()

    assert requests == [ValuesRequest(ids=["COUNT", "USERVER_HTTP_PROXY"], service="chat")]


async def test_all_may_be_asked_for_in_nobody_s_name(
    requests: list[ValuesRequest], make_parts: MakeParts
) -> None:
    client = {"get-configs-overrides-for-service": False}

    await make_parts(client, {"load-only-my-values": False}).updater.start()

    assert requests == [ValuesRequest()]


@pytest.mark.parametrize("from_file", [True, False])
async def test_stage_is_told_beside_the_service(
    requests: list[ValuesRequest], make_parts: MakeParts, tmp_path: Path, from_file: bool
) -> None:
    path = tmp_path / "environment.json"
    path.write_text('{"env_name": "testing"}')
    by_file = {"configs-stage-filepath": str(path)}
    parts = make_parts(by_file if from_file else {"configs-stage": "testing"})
    path.unlink()

    await parts.updater.start()

    assert (requests[0].service, requests[0].stage_name) == ("chat", "testing")


# Start and stop, with a real config service


@pytest.fixture
async def service() -> AsyncIterator[FakeConfigService]:
    with FakeConfigService() as service:
        service.set("COUNT", 2)
        yield service


def at(service: FakeConfigService, **options: object) -> dict[str, object]:
    return {"config-url": service.url, "http-retries": 1, "http-timeout": "10s", **options}


FAST: dict[str, object] = {"update-interval": "20ms"}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (no event tells of it)
            await asyncio.sleep(0.01)


async def test_first_values_are_there_when_it_has_started(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    parts = make_parts(at(service))

    await parts.updater.start()

    assert parts.count == 2
    assert parts.source.status().origin == f"{service.url}/configs/values"
    assert parts.source.status().revision == service.now


async def test_changes_arrive(make_parts: MakeParts, service: FakeConfigService) -> None:
    parts = make_parts(at(service), FAST)
    await parts.updater.start()

    service.set("COUNT", 3)
    await until(lambda: parts.count == 3)
    service.remove("COUNT")
    await until(lambda: parts.count == 1)


async def test_bad_value_is_refused_with_its_path_and_the_good_one_arrives(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    parts = make_parts(at(service), FAST)
    await parts.updater.start()

    service.set("COUNT", "many")
    await until(lambda: parts.source.status().error is not None)
    error = parts.source.status().error
    assert error is not None
    expected = f"{service.url}/configs/values: COUNT: expected a whole number (got 'many')"
    assert error.text == expected
    assert parts.count == 2

    service.set("COUNT", 3)
    await until(lambda: parts.count == 3)
    assert parts.source.status().error is None


async def test_service_does_not_start_without_values(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    service.fail(500, b"oops")

    with pytest.raises(NoValuesError, match=r"/configs/values: answered 500: 'oops'"):
        await make_parts(at(service)).updater.start()


async def test_service_may_start_without_values_where_that_is_wanted(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    service.fail(500)
    parts = make_parts(at(service), {**FAST, "first-update-fail-ok": True})

    await parts.updater.start()

    assert parts.count == 1
    service.work()
    await until(lambda: parts.count == 2)


async def test_update_now_does_not_wait_for_the_interval(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    parts = make_parts(at(service), {"update-interval": "1d"})
    await parts.updater.start()
    service.set("COUNT", 3)

    parts.updater.update_now()

    await until(lambda: parts.count == 3)


async def test_proxy_that_the_config_service_names_holds_for_the_next_request(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    with FakeConfigService() as proxy:
        service.set("USERVER_HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        parts = make_parts(at(service), FAST)
        await parts.updater.start()

        await asyncio.to_thread(proxy.wait_for_total, 1)

    assert len(service.asked) == 1


async def test_stop_ends_a_request_that_hangs(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    parts = make_parts(at(service, **{"http-timeout": "1h"}), {"update-interval": "1d"})
    await parts.updater.start()
    service.hang()
    parts.updater.update_now()
    await asyncio.to_thread(service.wait_for_total, 2)

    async with asyncio.timeout(10):
        await parts.stop()


async def test_cache_takes_the_place_of_a_config_service_that_is_away(
    make_parts: MakeParts, service: FakeConfigService, tmp_path: Path
) -> None:
    cache = {"fs-cache-path": str(tmp_path / "cache"), "fs-task-processor": "fs-task-processor"}
    await make_parts(at(service), **cache).updater.start()

    service.go_away()
    parts = make_parts(at(service), **cache)
    await parts.updater.start()

    assert parts.count == 2


async def test_hundred_services_at_one_config_service(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    all_parts = [make_parts(at(service), {"update-interval": "200ms"}) for _ in range(100)]
    await asyncio.gather(*(parts.updater.start() for parts in all_parts))

    service.set("COUNT", 3)

    await until(lambda: all(parts.count == 3 for parts in all_parts))
