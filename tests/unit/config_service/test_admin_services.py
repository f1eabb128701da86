"""Services are forgotten, and their schemas then check nothing any more."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.config_service.conftest import TOKEN, Api, running

AUTH = {"Authorization": f"Bearer {TOKEN}"}


async def forget(api: Api, service: str, **options: Any) -> httpx.Response:
    given: dict[str, Any] = {"headers": AUTH, "params": {"why": "it is gone"}, **options}
    return await api.client.delete(f"/admin/api/services/{service}", **given)


async def test_value_that_a_service_that_is_gone_would_refuse_is_set_when_it_is_forgotten(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await api.hand_in("gone", A={"type": "null"})
    await api.hand_in("chat", A={"type": "integer"})
    refused = await api.set("A", 1, unknown=False)
    assert refused.status_code == 422
    assert "(as handed in by gone; a service that is gone is" in refused.json()["message"]
    caplog.set_level("INFO")

    answer = await forget(api, "gone")

    assert (answer.status_code, answer.json()) == (200, {"name": "gone"})
    assert "alice forgot service 'gone': it is gone" in caplog.messages
    assert (await api.set("A", 1, unknown=False)).status_code == 200
    assert (await api.set("A", "x", 1, unknown=False)).status_code == 422
    shown = (await api.get("variables")).json()
    assert [each["name"] for each in shown["services"]] == ["chat"]


async def test_values_of_a_service_stay_when_it_is_forgotten(api: Api) -> None:
    await api.hand_in("chat", A={})
    await api.set("A", 1, service="chat")

    await forget(api, "chat")

    assert (await api.poll(service="chat"))["configs"] == {"A": 1}
    assert (await api.get("history")).json()["revision"] == 1


async def test_service_may_hand_in_the_same_again(api: Api) -> None:
    await api.hand_in("chat", A={"type": "integer"})
    await forget(api, "chat")

    assert (await api.hand_in("chat", A={"type": "integer"})).status_code == 200

    assert (await api.set("A", "x", unknown=False)).status_code == 422


async def test_other_process_forgets_too(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite3"
    async with running(path) as one, running(path) as other:
        await one.hand_in("chat", A={"type": "integer"})
        assert (await other.set("A", "x", unknown=False)).status_code == 422

        await forget(one, "chat")

        assert (await other.get("variables")).json()["services"] == []


@pytest.mark.parametrize(
    ("service", "options", "status", "code"),
    [
        ("chat", {"headers": {}}, 401, "unauthorized"),
        ("chat", {"params": {}}, 400, "bad_request"),
        ("chat", {"params": {"why": " "}}, 400, "bad_request"),
        ("-", {}, 400, "bad_request"),
        ("mail", {}, 404, "not_found"),
    ],
)
async def test_nothing_is_forgotten_by_a_bad_request(
    api: Api, service: str, options: dict[str, Any], status: int, code: str
) -> None:
    await api.hand_in("chat", A={})

    answer = await forget(api, service, **options)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len((await api.get("variables")).json()["services"]) == 1
