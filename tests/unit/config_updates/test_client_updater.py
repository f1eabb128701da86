import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from app.config_updates.client_updater import DynamicConfigClientUpdaterComponent
from app.config_updates.errors import NoValuesError
from app.config_updates.protocol import ValuesRequest
from app.static_config.errors import OptionError
from tests.helpers.fake_config_service import FakeConfigService
from tests.unit.config_updates.client_parts import UPDATER, at, refusal
from tests.unit.config_updates.conftest import MakeParts

# Options


def test_options_of_the_original_are_taken() -> None:
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


async def test_updater_needs_updates_to_be_enabled(make_parts: MakeParts) -> None:
    with pytest.raises(OptionError, match="updates-enabled: true"):
        make_parts(**{"updates-enabled": False})


# What is asked for


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


# Start and stop, with a real config service


FAST: dict[str, object] = {"update-interval": "20ms"}
REGISTER: dict[str, object] = {"register-schemas": True}


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


# What is handed in


async def test_schemas_are_handed_in_once_when_the_first_values_are_there(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    parts = make_parts(at(service, **REGISTER, token="secret-of-the-chat"), FAST)
    await parts.updater.start()
    await asyncio.to_thread(service.wait_for_total, 6)

    targets = [each.target for each in service.asked]
    assert targets[0] == "/configs/values"
    assert targets.count("/configs/schemas") == 1
    (handed_in,) = [each for each in service.asked if each.target == "/configs/schemas"]
    assert handed_in.document["service"] == "chat"
    count = {"schema": {"type": "integer"}, "default": 7, "description": "How many."}
    assert handed_in.document["variables"]["COUNT"] == count
    assert handed_in.document["variables"].keys() == {"COUNT", "USERVER_HTTP_PROXY"}
    tokens = {each.headers["Authorization"] for each in service.asked}
    assert tokens == {"Bearer secret-of-the-chat"}


async def test_nothing_is_handed_in_where_that_is_not_wanted(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    parts = make_parts(at(service), FAST)
    await parts.updater.start()
    await asyncio.to_thread(service.wait_for_total, 6)

    assert {each.target for each in service.asked} == {"/configs/values"}
    assert not any("Authorization" in each.headers for each in service.asked)


async def test_start_and_updates_do_not_wait_for_a_hand_in_that_hangs(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    service.failing_path = "/configs/schemas"
    service.hang()
    parts = make_parts(at(service, **REGISTER, **{"http-timeout": "1h"}), FAST)

    async with asyncio.timeout(10):
        await parts.updater.start()
        service.set("COUNT", 3)
        await until(lambda: parts.count == 3)
        await until(lambda: any(each.target == "/configs/schemas" for each in service.asked))
        await parts.stop()


async def test_schemas_are_handed_in_as_soon_as_the_config_service_is_back(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    service.go_away()
    options = {**FAST, "first-update-fail-ok": True}
    parts = make_parts(at(service, **REGISTER), options)
    await parts.updater.start()

    service.come_back()

    await until(lambda: any(each.target == "/configs/schemas" for each in service.asked))


async def test_service_that_does_not_start_hands_nothing_in(
    make_parts: MakeParts, service: FakeConfigService
) -> None:
    service.fail(500)

    with pytest.raises(NoValuesError):
        await make_parts(at(service, **REGISTER)).updater.start()

    assert [each.target for each in service.asked] == ["/configs/values"]
