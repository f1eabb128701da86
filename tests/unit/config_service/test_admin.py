import json
from pathlib import Path
from typing import Any

import pytest

from app.config_service import admin_reads
from app.config_service.forms import variables_form
from app.config_service.store import StoreError
from tests.unit.config_service.conftest import TOKEN, Api, running

AUTH = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}
SEEN = {"If-Match": '"0"'}
VALUE = json.dumps({"value": 1, "why": "a reason", "allow_unknown": True})


async def test_value_that_was_set_is_shown_with_who_when_and_why(api: Api) -> None:
    answer = await api.set("A", {"a": None}, service="chat", stage="testing")

    shown = answer.json()
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"1"')
    assert shown.pop("at").endswith("Z")
    assert shown == {
        "name": "A",
        "service": "chat",
        "stage": "testing",
        "is_set": True,
        "value": {"a": None},
        "revision": 1,
        "who": "alice",
        "why": "a reason",
        "errors": [],
    }
    again = await api.get("values/A?service=chat&stage=testing")
    assert (again.json(), again.headers["ETag"]) == (answer.json(), '"1"')


async def test_value_that_was_never_set_has_revision_0(api: Api) -> None:
    answer = await api.get("values/A")

    assert answer.headers["ETag"] == '"0"'
    assert answer.json() == {
        "name": "A",
        "service": "",
        "stage": "",
        "is_set": False,
        "revision": 0,
        "errors": [],
    }


async def test_removal_has_a_revision_that_must_be_seen_too(api: Api) -> None:
    await api.set("A", 1)

    removed = await api.remove("A", 1)

    assert (removed.status_code, removed.headers["ETag"]) == (200, '"2"')
    assert removed.json()["is_set"] is False
    assert "value" not in removed.json()
    assert (await api.set("A", 2, 0)).status_code == 412
    assert (await api.set("A", 2, 2)).status_code == 200


async def test_what_is_not_set_cannot_be_removed(api: Api) -> None:
    answer = await api.remove("A", 0)

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_who_comes_too_late_is_told_what_is_there(api: Api) -> None:
    await api.set("A", 1)

    late = await api.set("A", 2)

    assert (late.status_code, late.headers["ETag"]) == (412, '"1"')
    assert late.json()["code"] == "changed"
    assert late.json()["current"] == (await api.get("values/A")).json()
    assert (await api.remove("A", 0)).status_code == 412


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (None, 428),
        ("*", 428),
        ("", 428),
        ('"0"', 200),
        ('"7", "0"', 200),
        ('W/"0"', 412),
        ('"00"', 200),
        ('"-1"', 412),
        ('"x"', 412),
        ('"' + "1" * 5000 + '"', 412),
        ('"\u0660"', 412),
    ],
)
async def test_change_holds_only_for_what_its_author_has_seen(
    api: Api, condition: str | None, status: int
) -> None:
    headers = {**AUTH, **JSON}
    if condition is not None:
        headers["If-Match"] = condition
    encoded = [(key.encode(), value.encode()) for key, value in headers.items()]

    answer = await api.client.put("/admin/api/values/A", headers=encoded, content=VALUE)

    assert answer.status_code == status, answer.text
    assert (await api.get("history")).json()["revision"] == (status == 200)


async def test_same_value_again_has_no_revision_of_its_own(api: Api) -> None:
    await api.set("A", 1)

    again = await api.set("A", 1, 1)

    assert (again.status_code, again.headers["ETag"]) == (200, '"1"')


async def test_value_that_a_service_would_refuse_is_refused_with_all_that_is_wrong(
    api: Api,
) -> None:
    schema = {
        "type": "object",
        "properties": {"size": {"type": "integer", "minimum": 1}},
        "additionalProperties": False,
    }
    await api.hand_in("chat", A=schema)

    answer = await api.set("A", {"size": 0, "sise": 1})

    assert answer.status_code == 422
    where = {"name": "A", "service": "", "stage": "", "services": ["chat"]}
    assert answer.json() == {
        "code": "refused",
        "message": "size: expected at least 1 (got 0); sise: unknown option; did you mean 'size'?"
        " (as handed in by chat; a service that is gone is forgotten by DELETE"
        " /admin/api/services/NAME)",
        "errors": [
            {**where, "path": ["size"], "text": "expected at least 1 (got 0)"},
            {**where, "path": ["sise"], "text": "unknown option; did you mean 'size'?"},
        ],
    }
    assert (await api.poll())["configs"] == {}


async def test_name_that_nobody_knows_is_set_only_if_that_is_allowed(api: Api) -> None:
    await api.hand_in("chat", LIMIT={})

    refused = await api.set("LIMTI", 1, unknown=False)

    assert refused.status_code == 422
    assert "did you mean 'LIMIT'?" in refused.json()["message"]
    assert (await api.set("LIMTI", 1)).status_code == 200
    assert (await api.set("LIMIT", 1, unknown=False)).status_code == 200


async def test_value_that_does_not_fit_what_came_later_is_shown_with_what_is_wrong(
    api: Api,
) -> None:
    await api.set("A", "x")
    await api.set("A", 1, service="mail")

    handed_in = await api.hand_in("chat", A={"type": ["integer", "null"]})

    text = "expected a whole number or null (got 'x')"
    assert handed_in.json() == {
        "misfits": [{"name": "A", "service": "", "stage": "", "path": [], "text": text}]
    }
    error = {"path": [], "text": text, "services": ["chat"]}
    assert (await api.get("values/A")).json()["errors"] == [error]
    values = (await api.get("values")).json()["values"]
    assert [each["errors"] for each in values] == [[error], []]


async def test_list_of_values_is_sorted_and_narrowed_down(api: Api) -> None:
    await api.set("B", 1)
    await api.set("A", 1, service="chat")
    await api.set("A", 1)
    await api.set("A", 1, stage="t")

    async def listed(query: str) -> list[tuple[str, str, str]]:
        values = (await api.get(f"values{query}")).json()["values"]
        return [(each["name"], each["service"], each["stage"]) for each in values]

    assert await listed("") == [("A", "", ""), ("A", "", "t"), ("A", "chat", ""), ("B", "", "")]
    assert await listed("?name=A&service=&stage=") == [("A", "", "")]
    assert await listed("?service=chat") == [("A", "chat", "")]
    assert await listed("?stage=t") == [("A", "", "t")]


async def test_effective_values_are_shown_with_their_levels(api: Api) -> None:
    body = {
        "service": "chat",
        "variables": {"A": {"schema": {}}, "B": {"schema": {}, "default": 2}},
    }
    await api.client.post("/configs/schemas", json=body)
    await api.set("A", 1)
    await api.set("C", 3)
    await api.set("C", 4, service="chat")

    shown = (await api.get("effective?service=chat&stage=testing")).json()

    assert (shown["service"], shown["stage"], shown["revision"]) == ("chat", "testing", 3)
    assert [(each["name"], each["level"], each["value"]) for each in shown["values"]] == [
        ("A", "common", 1),
        ("B", "default", 2),
        ("C", "service", 4),
    ]
    assert shown["values"][2]["who"] == "alice"
    asked = await api.poll(service="chat", stage_name="testing")
    assert asked["configs"] == {"A": 1, "C": 4}


async def test_variables_are_shown_with_services_and_stages(api: Api) -> None:
    await api.hand_in("chat", A={"type": "null"})
    await api.hand_in("mail", A={})
    await api.set("B", 1, service="web", stage="testing")

    shown = (await api.get("variables")).json()

    assert [each["name"] for each in shown["services"]] == ["chat", "mail", "web"]
    assert "handed_in_at" in shown["services"][0]
    assert "handed_in_at" not in shown["services"][2]
    assert shown["stages"] == ["testing"]
    assert shown["variables"] == [
        {
            "name": "A",
            "services": [
                {"service": "chat", "schema": {"type": "null"}},
                {"service": "mail", "schema": {}},
            ],
        },
        {"name": "B", "services": []},
    ]


async def test_history_is_read_page_by_page_the_latest_first(api: Api) -> None:
    for number in range(5):
        await api.set("A", number, number)
    await api.set("B", "x", service="chat")

    first = (await api.get("history?name=A&limit=2")).json()
    second = (await api.get(f"history?name=A&limit=2&before={first['next_before']}")).json()
    third = (await api.get(f"history?name=A&limit=2&before={second['next_before']}")).json()

    pages = [[each["value"] for each in page["changes"]] for page in (first, second, third)]
    assert pages == [[4, 3], [2, 1], [0]]
    assert third["next_before"] is None
    assert first["revision"] == 6
    assert first["changes"][0]["previous"] == 3
    assert "previous" not in third["changes"][0]
    of_chat = (await api.get("history?service=chat")).json()["changes"]
    assert [each["name"] for each in of_chat] == ["B"]


async def test_roll_back_appends_and_forgets_nothing(api: Api) -> None:
    await api.set("A", 1)
    await api.set("A", 2, 1)
    await api.set("B", 3, service="chat")

    answer = await api.roll_back(1, 3, allow_unknown=True)

    assert (answer.status_code, answer.headers["ETag"]) == (200, '"5"')
    assert answer.json()["revision"] == 5
    changes = [(each["name"], each.get("value"), each["why"]) for each in answer.json()["changes"]]
    assert changes == [("A", 1, "back"), ("B", None, "back")]
    assert (await api.poll(service="chat"))["configs"] == {"A": 1}
    assert len((await api.get("history")).json()["changes"]) == 5


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        ({}, {}),
        ({"name": "A"}, {"B": 1}),
        ({"service": ""}, {"A": 2}),
        ({"service": "chat", "stage": ""}, {"A": 1, "B": 1}),
        ({"stage": "testing"}, {"A": 2, "B": 1}),
    ],
)
async def test_roll_back_is_narrowed_down(
    api: Api, narrowed: dict[str, str], expected: dict[str, int]
) -> None:
    await api.set("A", 1)
    await api.set("B", 1)
    await api.set("A", 2, service="chat")

    answer = await api.roll_back(0, 3, **narrowed)

    assert answer.status_code == 200
    assert (await api.poll(service="chat"))["configs"] == expected


async def test_roll_back_to_what_is_there_changes_nothing(api: Api) -> None:
    await api.set("A", 1)

    answer = await api.roll_back(1, 1)

    assert (answer.status_code, answer.json()) == (200, {"revision": 1, "changes": []})


async def test_roll_back_is_refused_if_a_service_would_refuse_it(api: Api) -> None:
    await api.set("A", "x")
    await api.set("A", 1, 1)
    await api.hand_in("chat", A={"type": "integer"})

    answer = await api.roll_back(1, 2)

    assert (answer.status_code, answer.json()["code"]) == (422, "refused")
    assert answer.json()["errors"][0]["name"] == "A"
    assert (await api.poll())["configs"] == {"A": 1}


async def test_roll_back_needs_the_latest_revision_and_one_that_was(api: Api) -> None:
    await api.set("A", 1)

    late = await api.roll_back(0, 0)
    future = await api.roll_back(2, 1)

    assert (late.status_code, late.json()["current"]) == (412, {"revision": 1})
    assert late.headers["ETag"] == '"1"'
    assert (future.status_code, future.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["variables", "values", "effective?service=chat", "history"])
async def test_list_that_was_seen_is_not_sent_again(api: Api, path: str) -> None:
    first = await api.get(path)
    headers = {"If-None-Match": first.headers["ETag"]}

    same = await api.get(path, headers=headers)
    await api.set("A", 1)
    other = await api.get(path, headers=headers)

    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200
    assert other.headers["ETag"] != first.headers["ETag"]


async def test_what_was_seen_is_not_even_made_and_what_was_made_is_kept(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many services and values it takes long."""
    made = 0

    def counting(*arguments: Any) -> dict[str, Any]:
        nonlocal made
        made += 1
        return variables_form(*arguments)

    monkeypatch.setattr(admin_reads, "variables_form", counting)
    first = await api.get("variables")
    same = await api.get("variables")
    seen = await api.get("variables", headers={"If-None-Match": first.headers["ETag"]})
    assert (made, seen.status_code, first.content) == (1, 304, same.content)

    await api.set("A", 1)
    assert (await api.get("variables")).json()["variables"] == [{"name": "A", "services": []}]
    assert made == 2


async def test_each_selection_of_values_is_shown_as_it_is(api: Api) -> None:
    await api.set("A", 1)
    await api.set("B", 2, service="chat")

    shown = [
        [each["name"] for each in (await api.get(path)).json()["values"]]
        for path in ("values", "values?name=A", "values?service=chat", "values", "values?name=C")
    ]

    assert shown == [["A", "B"], ["A"], ["B"], ["A", "B"], []]


# Who may


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN} x",
        "Bearer alice",
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "values/A"),
        ("DELETE", "values/A?why=x"),
        ("POST", "rollback"),
    ],
)
async def test_nobody_changes_anything_without_a_token(
    api: Api, method: str, path: str, authorization: str | None
) -> None:
    headers = {**JSON, **SEEN}
    if authorization is not None:
        headers["Authorization"] = authorization

    answer = await api.client.request(method, f"/admin/api/{path}", headers=headers, content=VALUE)

    assert answer.status_code == 401
    assert answer.json()["code"] == "unauthorized"
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="config"')
    assert TOKEN not in answer.text


async def test_each_token_has_a_name(tmp_path: Path) -> None:
    tokens = {"alice": "a" * 16, "bob": "b" * 16}
    async with running(tmp_path / "c.sqlite3", tokens=tokens) as api:
        await api.set("A", 1, token="b" * 16)
        await api.set("A", 2, 1, token="a" * 16)

        changes = (await api.get("history")).json()["changes"]

    assert [each["who"] for each in changes] == ["alice", "bob"]


async def test_without_tokens_nobody_may_change_anything(tmp_path: Path) -> None:
    async with running(tmp_path / "c.sqlite3", tokens={}) as api:
        answer = await api.set("A", 1)

        assert answer.status_code == 401
        assert "config-store.tokens" in answer.json()["message"]
        assert [text for _, text in api.store.warnings()] == [
            "without a token nobody may change anything"
        ]


async def test_reads_may_need_a_token_but_not_those_of_services(tmp_path: Path) -> None:
    async with running(tmp_path / "c.sqlite3", reads="token") as api:
        for path in ("variables", "values", "values/A", "effective", "history"):
            assert (await api.get(path)).status_code == 401
            assert (await api.get(path, headers=AUTH)).status_code == 200
        assert (await api.poll())["configs"] == {}


async def test_token_for_hand_ins_is_for_nothing_else(tmp_path: Path) -> None:
    body = {"service": "chat", "variables": {}}
    token = "a-token-of-services-only"
    services = {"Authorization": f"Bearer {token}"}
    options = {"hand-ins": "token", "hand-in-tokens": {"alice": token}, "reads": "token"}
    async with running(tmp_path / "c.sqlite3", **options) as api:
        hand_ins = [
            (await api.client.post("/configs/schemas", json=body, headers=headers)).status_code
            for headers in ({}, {"Authorization": "Bearer another-one-0123"}, services, AUTH)
        ]
        others = [
            await api.set("A", 1, token=token),
            await api.get("values", headers=services),
            await api.client.delete("/admin/api/services/chat?why=x", headers=services),
        ]

        assert hand_ins == [401, 401, 200, 200]
        assert [each.status_code for each in others] == [401, 401, 401]


async def test_without_tokens_for_hand_ins_the_answer_says_where_they_stand(
    tmp_path: Path,
) -> None:
    async with running(tmp_path / "c.sqlite3", **{"hand-ins": "token", "tokens": {}}) as api:
        answer = await api.hand_in("chat", A={})

    assert answer.status_code == 401
    assert "config-store.hand-in-tokens" in answer.json()["message"]


# Bad input

TOO_DEEP = "[" * 70 + "]" * 70

BAD_BODIES: list[tuple[bytes, int, str]] = [
    (b"", 400, "bad_json"),
    (b"{", 400, "bad_json"),
    (b"{} {}", 400, "bad_json"),
    (b"\xef\xbb\xbf{}", 400, "bad_json"),
    (b'{"why": "\xff"}', 400, "bad_json"),
    (VALUE.encode("utf-16"), 400, "bad_json"),
    (b'{"value": 1, "value": 2, "why": "x"}', 400, "bad_json"),
    (b'{"value": {"a": 1, "a": 2}, "why": "x"}', 400, "bad_json"),
    (b'{"value": NaN, "why": "x"}', 400, "bad_json"),
    (b'{"value": 1e999, "why": "x"}', 400, "bad_json"),
    (b'{"value": "\\ud800", "why": "x"}', 400, "bad_json"),
    (b'{"value": {"\\ud800": 1}, "why": "x"}', 400, "bad_json"),
    (b'{"value": ' + b"1" * 5000 + b', "why": "x"}', 400, "bad_json"),
    (b'{"value": ' + TOO_DEEP.encode() + b', "why": "x"}', 400, "bad_request"),
    (b"[" * 100_000, 400, "bad_request"),
    (b"[]", 400, "bad_request"),
    (b"null", 400, "bad_request"),
    (b'{"why": "x"}', 400, "bad_request"),
    (b'{"value": 1}', 400, "bad_request"),
    (b'{"value": 1, "why": ""}', 400, "bad_request"),
    (b'{"value": 1, "why": 5}', 400, "bad_request"),
    (b'{"value": 1, "why": "' + b"x" * 501 + b'"}', 400, "bad_request"),
    (b'{"value": 1, "why": "x", "allow_unknown": 1}', 400, "bad_request"),
    (b'{"value": 1, "why": "x", "hwy": "x"}', 400, "bad_request"),
    (b'{"value": "' + b"x" * (1 << 20) + b'", "why": "x"}', 413, "too_large"),
]


@pytest.mark.parametrize(("body", "status", "code"), BAD_BODIES)
async def test_bad_body_gets_a_clear_answer(api: Api, body: bytes, status: int, code: str) -> None:
    answer = await api.client.put(
        "/admin/api/values/A", headers={**AUTH, **JSON, **SEEN}, content=body
    )

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]
    assert bool(answer.json().get("errors")) == (code == "bad_request")
    assert (await api.get("history")).json()["revision"] == 0


async def test_body_that_comes_in_pieces_without_a_length_is_bounded_too(api: Api) -> None:
    async def pieces() -> Any:
        for _ in range(2000):
            yield b" " * 1000

    answer = await api.client.put(
        "/admin/api/values/A", headers={**AUTH, **JSON, **SEEN}, content=pieces()
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_other_types_of_body_are_refused(api: Api, headers: dict[str, str]) -> None:
    """Those are what a page of another site can send."""
    answer = await api.client.put(
        "/admin/api/values/A", headers={**AUTH, **SEEN, **headers}, content=VALUE
    )

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "type_", ["application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"']
)
async def test_json_in_utf_8_is_taken_however_it_is_called(api: Api, type_: str) -> None:
    headers = {**AUTH, **SEEN, "Content-Type": type_}

    answer = await api.client.put("/admin/api/values/A", headers=headers, content=VALUE)

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "values/A?servcie=chat",
        "values/A?service=a%20b",
        "values/A?service=.",
        "values/A?service=a&service=b",
        "values/-A",
        "values/A%20B",
        "values/%C3%BC",
        "values?name=",
        "effective?service=../x",
        "history?limit=0",
        "history?limit=501",
        "history?limit=many",
        "history?before=0",
        "history?before=99999999999999999999",
    ],
)
async def test_bad_query_gets_a_clear_answer(api: Api, path: str) -> None:
    answer = await api.get(path)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    "body",
    [
        {"revision": -1},
        {"revision": 1.0},
        {"revision": "1"},
        {"revision": 2**63},
        {"why": " "},
        {"service": "a b"},
        {"name": ""},
        {"only": {}},
    ],
)
async def test_bad_roll_back_gets_a_clear_answer(api: Api, body: dict[str, object]) -> None:
    answer = await api.roll_back(**{"revision": 0, "seen": 0, **body})  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
    assert answer.json()["errors"][0]["path"] == [next(iter(body))]


async def test_removal_needs_a_reason(api: Api) -> None:
    await api.set("A", 1)

    answer = await api.client.delete("/admin/api/values/A", headers={**AUTH, "If-Match": '"1"'})

    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, ["why"])


async def test_answers_are_kept_by_nobody_else(api: Api) -> None:
    answer = await api.get("values")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_service_that_nobody_has_started_answers_503(api: Api) -> None:
    await api.store.stop()

    answer = await api.client.post("/configs/values", json={})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert "runs the lifespan" in answer.json()["message"]
    await api.store.start()


async def test_store_that_cannot_be_written_is_503_and_polls_go_on(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.set("A", 1)

    def fail(*_: object) -> None:
        raise StoreError("the disk is full")

    store = api.store.register._store
    for method in ("append", "read", "version"):
        monkeypatch.setattr(store, method, fail)

    written = await api.set("A", 2, 1)

    assert (written.status_code, written.json()["code"]) == (503, "unavailable")
    assert written.headers["Retry-After"] == "1"
    assert "the disk is full; nothing was changed" in written.json()["message"]
    assert (await api.get("values")).status_code == 503
    assert (await api.poll())["configs"] == {"A": 1}
