from typing import Any

import pytest

from app.config_service.known_variables import MAX_SERVICES, HandIn
from app.config_service.requests import MAX_NAMES
from app.config_service.store import StoreError
from app.config_updates.protocol import VariableSchema
from app.config_updates.schemas import variables_schemas
from app.handlers.json_http import MAX_PROBLEMS
from app.kit_variables import KIT_VARIABLES
from tests.unit.config_service.conftest import TOKEN, Api

AUTH = {"Authorization": f"Bearer {TOKEN}"}


async def test_service_is_told_what_has_changed_since_it_asked_last(api: Api) -> None:
    await api.set("A", 1)
    await api.set("B", 1)
    first = await api.poll(service="chat")

    await api.set("A", 2, service="chat")
    await api.remove("B", 2)
    second = await api.poll(service="chat", updated_since=first["updated_at"])
    third = await api.poll(service="chat", updated_since=second["updated_at"])

    assert first["configs"] == {"A": 1, "B": 1}
    assert (second["configs"], second["removed"]) == ({"A": 2}, ["B"])
    assert (third["configs"], third["removed"]) == ({}, [])
    assert first["updated_at"] < second["updated_at"] == third["updated_at"]


async def test_service_may_say_things_that_we_do_not_know(api: Api) -> None:
    assert (await api.poll(service=None, ids=None, tenant="x"))["configs"] == {}


async def test_client_without_a_content_type_is_answered(api: Api) -> None:
    answer = await api.client.post("/configs/values", content=b"{}")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        (b"", 400, "bad_json", None),
        (b"{", 400, "bad_json", None),
        (b"\xff{}", 400, "bad_json", None),
        (b"[" * 50_000, 400, "bad_request", []),
        (b'{"ids": ["\\ud800"]}', 400, "bad_json", None),
        (b"[]", 400, "bad_request", []),
        (b'{"service": NaN}', 400, "bad_json", None),
        (b'{"tenant": NaN}', 400, "bad_json", None),
        (b'{"service": "a", "service": "b"}', 400, "bad_json", None),
        (b'{"ids": "A"}', 400, "bad_request", ["ids"]),
        (b'{"ids": ["A", 5]}', 400, "bad_request", ["ids", 1]),
        (b'{"service": 5}', 400, "bad_request", ["service"]),
        (b'{"updated_since": 5}', 400, "bad_request", ["updated_since"]),
        (b'{"service": "' + b"x" * (1 << 20) + b'"}', 413, "too_large", None),
    ],
)
async def test_bad_poll_gets_a_clear_answer(
    api: Api, body: bytes, status: int, code: str, path: list[Any] | None
) -> None:
    answer = await api.client.post("/configs/values", content=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]
    assert (path is None) == ("errors" not in answer.json())
    assert path is None or answer.json()["errors"][0]["path"] == path


MANY = 50_000


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("values", {"ids": [1] * MANY}),
        ("values", {"ids": ["A"] * (MAX_NAMES + 1)}),
        ("schemas", {"service": "chat", "variables": {f"V{n}": 1 for n in range(MANY)}}),
        ("schemas", {"service": "chat", "variables": {f"V{n}": {} for n in range(MAX_NAMES)}}),
        (
            "schemas",
            {"service": "chat", "variables": {f"-{n}": {"schema": {}} for n in range(MAX_NAMES)}},
        ),
        (
            "schemas",
            {"service": "chat", "variables": {f"{n}": {"schema": {"type": 1}} for n in range(300)}},
        ),
    ],
)
async def test_of_much_that_is_wrong_with_a_request_not_all_is_told(
    api: Api, path: str, body: dict[str, Any]
) -> None:
    answer = await api.client.post(f"/configs/{path}", json=body, headers=AUTH)

    assert answer.status_code in (400, 422), answer.text
    assert 1 <= len(answer.json()["errors"]) <= MAX_PROBLEMS
    assert len(answer.content) < 100_000


async def test_as_many_names_as_may_be_are_answered(api: Api) -> None:
    assert (await api.poll(ids=["A"] * MAX_NAMES))["configs"] == {}


async def test_who_may_know_more_is_not_answered_while_the_store_cannot_be_read(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have told of later changes: what is here would undo them."""

    def broken() -> object:
        raise StoreError("the disk is gone")

    await api.set("A", 1)
    known = (await api.poll())["updated_at"]
    ahead = {"updated_since": "9999-12-31T00:00:00.000000Z-000000000009"}
    assert (await api.poll(**ahead))["configs"] == {"A": 1}
    monkeypatch.setattr(api.store.register._store, "version", broken)

    answer = await api.client.post("/configs/values", json=ahead)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["code"] == "unavailable"
    assert (await api.poll())["configs"] == {"A": 1}
    assert (await api.poll(updated_since=known))["configs"] == {}


async def test_service_hands_in_the_variables_of_the_kit(api: Api) -> None:
    variables = {
        name: each.model_dump(by_alias=True)
        for name, each in variables_schemas(KIT_VARIABLES).items()
    }

    answer = await api.client.post(
        "/configs/schemas", json={"service": "chat", "variables": variables}
    )

    assert (answer.status_code, answer.json()) == (200, {"misfits": []})
    shown = (await api.get("variables")).json()["variables"]
    assert {each["name"]: each["services"][0] for each in shown} == {
        name: {"service": "chat", **each} for name, each in variables.items()
    }
    assert (await api.set("USERVER_LOG_REQUEST", False, unknown=False)).status_code == 200
    assert (await api.set("USERVER_LOG_REQUEST", 0, 1, unknown=False)).status_code == 422


async def test_same_again_is_not_written_again(api: Api) -> None:
    await api.hand_in("chat", A={})
    before = (await api.get("variables")).json()["services"]

    await api.hand_in("chat", A={})

    assert (await api.get("variables")).json()["services"] == before


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ({"service": "chat"}, 400, ["variables"]),
        ({"service": "chat", "variables": {"A": {}}}, 400, ["variables", "A", "schema"]),
        ({"service": "chat", "variables": {"A": {"schema": 1}}}, 400, ["variables", "A", "schema"]),
        ({"service": "", "variables": {}}, 422, ["service"]),
        ({"service": "a b", "variables": {}}, 422, ["service"]),
        ({"service": "chat", "variables": {"-": {"schema": {}}}}, 422, ["variables", "-"]),
        (
            {"service": "chat", "variables": {"A": {"schema": {"type": "int"}}}},
            422,
            ["variables", "A", "schema"],
        ),
        (
            {"service": "chat", "variables": {"A": {"schema": {"type": "null"}, "default": 1}}},
            422,
            ["variables", "A", "default"],
        ),
    ],
)
async def test_bad_hand_in_gets_a_clear_answer_and_is_not_kept(
    api: Api, body: dict[str, Any], status: int, path: list[str]
) -> None:
    answer = await api.client.post("/configs/schemas", json=body)

    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["path"] == path
    assert (await api.get("variables")).json()["services"] == []


async def test_hand_in_that_is_no_json_is_415(api: Api) -> None:
    answer = await api.client.post("/configs/schemas", content=b"{}")

    assert answer.status_code == 415


async def test_hand_ins_are_bounded(api: Api) -> None:
    stored = HandIn("then", {"A": VariableSchema(schema_={})}).stored()
    register = api.store.register
    register._store.put_schemas("service-0", stored)
    await register.refresh()
    register.known.take({f"service-{n}": stored for n in range(MAX_SERVICES)})

    one_more = await api.hand_in("chat", A={})
    again = await api.hand_in("service-1", A={}, B={})

    assert (one_more.status_code, one_more.json()["errors"][0]["path"]) == (422, ["service"])
    assert again.status_code == 200
