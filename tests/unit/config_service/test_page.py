import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from typing_extensions import override

from app.config_service.page import SCRIPTS
from tests.helpers.service_process import PROJECT
from tests.unit.config_service.conftest import Api

FOLDER = PROJECT / "app" / "config_service" / "browser"


class Parts(HTMLParser):
    """What stands in the elements of a page that hold one text, and the attributes of its body."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.body: dict[str, str | None] = {}
        self.handlers: list[str] = []
        self._open = ""
        self.feed(page)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        if tag == "body":
            self.body = dict(attrs)

    @override
    def handle_data(self, data: str) -> None:
        if self._open in self.texts:
            self.texts[self._open].append(data)

    @override
    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def policy(value: str) -> dict[str, str]:
    """Return the sources of each directive."""
    return {name: rest for name, _, rest in (part.partition(" ") for part in value.split("; "))}


async def test_page_lets_the_browser_do_nothing_but_what_it_needs(api: Api) -> None:
    answer = await api.client.get("/")

    directives = policy(answer.headers["Content-Security-Policy"])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["connect-src"] == "'self'"
    assert directives["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("tag", ["script", "style"])
async def test_the_only_script_and_style_are_those_that_the_policy_names(
    api: Api, tag: str
) -> None:
    answer = await api.client.get("/")

    parts = Parts(answer.text)
    [text] = parts.texts[tag]
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    directives = policy(answer.headers["Content-Security-Policy"])
    assert directives[f"{tag}-src"] == f"'sha256-{digest}'"
    assert parts.handlers == []


async def test_page_names_the_paths_of_the_admin_api_relative_to_itself(api: Api) -> None:
    answer = await api.client.get("/")

    assert Parts(answer.text).body == {
        "data-variables": "admin/api/variables",
        "data-values": "admin/api/values",
        "data-value": "admin/api/values/{name}",
        "data-history": "admin/api/history",
        "data-rollback": "admin/api/rollback",
    }


def test_every_script_is_part_of_the_page() -> None:
    assert sorted(f"{each}.js" for each in SCRIPTS) == sorted(
        path.name for path in FOLDER.glob("*.js")
    )


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_makes_no_markup_of_texts(name: str) -> None:
    text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")

    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_page_asks_nobody_else_for_anything(path: object) -> None:
    text = (FOLDER / str(path)).read_text(encoding="utf-8")

    assert set(re.findall(r"https?://[^'\"\s]*", text)) <= {"http://www.w3.org/2000/svg"}
