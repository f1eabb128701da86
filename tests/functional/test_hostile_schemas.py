"""Schemas that somebody hands in to harm: the config service is a process, and answers others."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import pytest

from tests.functional.test_config_service import AUTH, HAND_IN_TOKEN, MODULE, Admin, shipped_config
from tests.helpers.service_process import ServiceProcess, running_service

SOON: Final = 10.0
"""Seconds in which each request is answered."""

ALL_A: Final = "a" * 40 + "!"
DRAFT_7: Final = "http://json-schema.org/draft-07/schema#"


def doubling(keyword: str) -> dict[str, Any]:
    """Return a schema of 2 KB by which a value is checked two to the power of 30 times."""
    inner = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(30)}
    return {"$ref": "#/$defs/d0", "$defs": {**inner, "d30": {"type": "integer"}}}


REFUSED: Final[list[tuple[str, dict[str, Any], Any]]] = [
    ("allOf.0.$schema", {"allOf": [{"$schema": DRAFT_7, "pattern": "^(a+)+$"}]}, ALL_A),
    ("unevaluatedProperties", {"unevaluatedProperties": False}, {ALL_A: 1}),
    ("unevaluatedItems", {"unevaluatedItems": False}, [ALL_A]),
    ("$id", {"$id": DRAFT_7, "pattern": "^(a+)+$"}, ALL_A),
    ("$dynamicRef", {"$dynamicRef": "#"}, 1),
    ("$ref", {"$ref": "#/default", "default": {}}, 1),
    ("$ref", {"$ref": "#/default", "default": 5}, 1),
    ("$ref", {"$ref": "http://127.0.0.1:1/schema"}, 1),
    ("pattern", {"pattern": r"((\w{30}){30}){30}"}, "x"),
]
"""What is not taken at all, with a default and without one."""

COSTLY: Final[list[tuple[dict[str, Any], Any]]] = [
    (doubling("allOf"), 1),
    (doubling("anyOf"), ""),
    ({"allOf": [{"uniqueItems": True}] * 1000}, [{"a": n} for n in range(3000)]),
    ({"pattern": r"\w{0,39}!"}, "x" * 400_000),
    ({"multipleOf": 0.1}, 10**4000),
]
"""What is taken, but cannot check every value."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("config")
    with running_service(folder, shipped_config(folder), module=MODULE) as service:
        yield service


class Attacker:
    """Somebody with the token of a service, who hands in while another service polls."""

    def __init__(self, service: ServiceProcess) -> None:
        self._url = service.http_url

    def hand_in(self, name: str, **variable: Any) -> httpx.Response:
        body = {"service": name, "variables": {"A": variable}}
        with ThreadPoolExecutor(4) as threads:
            handing_in = [threads.submit(self._post, "/configs/schemas", body) for _ in range(3)]
            polling = threads.submit(self._post, "/configs/values", {"service": "chat"})
            assert polling.result().status_code == 200
            first, *_ = [each.result() for each in handing_in]
            return first

    def _post(self, path: str, body: object) -> httpx.Response:
        token = {"Authorization": f"Bearer {HAND_IN_TOKEN}"}
        return httpx.post(self._url + path, json=body, headers=token, timeout=SOON)


@pytest.mark.parametrize(("place", "schema", "default"), REFUSED)
def test_schema_that_could_do_harm_is_refused_with_a_text(
    service: ServiceProcess, place: str, schema: dict[str, Any], default: object
) -> None:
    attacker = Attacker(service)
    text = f"variables.A.schema: no JSON Schema that is taken: {place}: "

    for variable in ({"schema": schema}, {"schema": schema, "default": default}):
        refused = attacker.hand_in("refused", **variable)

        assert (refused.status_code, refused.json()["code"]) == (422, "refused")
        assert refused.json()["message"].startswith(text)
    assert "refused" not in services(service)


@pytest.mark.parametrize(("schema", "value"), COSTLY)
def test_schema_that_would_take_too_long_lets_nothing_pass_and_stops_nobody(
    service: ServiceProcess, schema: dict[str, Any], value: object
) -> None:
    attacker, admin = Attacker(service), Admin(service)
    refused = attacker.hand_in("costly", schema=schema, default=value)
    assert refused.status_code == 422
    assert "variables.A.default: cannot be checked: " in refused.json()["message"]

    assert attacker.hand_in("costly", schema=schema).status_code == 200

    answer = admin.set("A", value, service="costly")
    assert (answer.status_code, answer.json()["code"]) == (422, "refused")
    assert answer.json()["errors"][0]["text"].startswith("cannot be checked: ")
    assert "DELETE /admin/api/services/" in answer.json()["message"]
    assert admin.poll(service="costly")["configs"] == {}
    # The way out.
    path, why = "/admin/api/services/costly", {"why": "an attack"}
    forgotten = admin.request("DELETE", path, params=why)
    assert (forgotten.status_code, forgotten.json()) == (200, {"name": "costly"})
    assert "costly" not in services(service)


def test_values_that_are_set_are_shown_beside_a_costly_schema(service: ServiceProcess) -> None:
    admin, names = Admin(service), [f"V{n}" for n in range(20)]
    for name in names:
        assert admin.set(name, 1, service="shown").status_code == 200
    variables = {name: {"schema": doubling("allOf")} for name in names}
    body = {"service": "shown", "variables": variables}

    misfits = httpx.post(
        f"{service.http_url}/configs/schemas", json=body, headers=AUTH, timeout=SOON
    ).json()["misfits"]
    listed = httpx.get(f"{service.http_url}/admin/api/values", timeout=SOON).json()["values"]

    assert {each["name"] for each in misfits} == set(names)
    assert all(each["errors"] for each in listed if each["service"] == "shown")


def services(service: ServiceProcess) -> set[str]:
    answer = httpx.get(f"{service.http_url}/admin/api/variables", timeout=SOON).json()
    return {each["name"] for each in answer["services"]}
