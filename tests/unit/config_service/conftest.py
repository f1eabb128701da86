"""The config service without a socket: its handlers, on a file of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.components.component import Component
from app.components.manager import ComponentManager
from app.config_service.component import ConfigStoreComponent
from app.config_service.main import COMPONENTS
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.server.component import ServerComponent
from app.static_config.manager import ManagerConfig

TOKEN = "a-token-for-tests-only"
MANAGER = ManagerConfig.model_validate(
    {
        "task_processors": {
            "main-task-processor": {"worker_threads": 1},
            "fs-task-processor": {"worker_threads": 2},
        },
        "default_task_processor": "main-task-processor",
    }
)
SERVER = {"listener": {"port": 0, "task_processor": "main-task-processor"}}


class Api:
    """A client, and what tests ask for again and again."""

    def __init__(self, client: httpx.AsyncClient, store: ConfigStoreComponent) -> None:
        self.client = client
        self.store = store

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(f"/admin/api/{path}", **options)

    async def set(
        self,
        name: str,
        value: object,
        seen: int | str = 0,
        *,
        token: str = TOKEN,
        unknown: bool = True,
        **level: str,
    ) -> httpx.Response:
        return await self.client.put(
            f"/admin/api/values/{name}",
            params=level,
            headers={"Authorization": f"Bearer {token}", "If-Match": f'"{seen}"'},
            json={"value": value, "why": "a reason", "allow_unknown": unknown},
        )

    async def remove(self, name: str, seen: int, **query: str) -> httpx.Response:
        return await self.client.delete(
            f"/admin/api/values/{name}",
            params={"why": "a reason", **query},
            headers={"Authorization": f"Bearer {TOKEN}", "If-Match": f'"{seen}"'},
        )

    async def roll_back(self, revision: int, seen: int, **body: Any) -> httpx.Response:
        return await self.client.post(
            "/admin/api/rollback",
            headers={"Authorization": f"Bearer {TOKEN}", "If-Match": f'"{seen}"'},
            json={"revision": revision, "why": "back", **body},
        )

    async def poll(self, **asked: Any) -> Any:
        answer = await self.client.post("/configs/values", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def hand_in(self, service: str, **schemas: Any) -> httpx.Response:
        variables = {name: {"schema": schema} for name, schema in schemas.items()}
        body = {"service": service, "variables": variables}
        return await self.client.post("/configs/schemas", json=body)


@asynccontextmanager
async def running(path: Path, **options: Any) -> AsyncIterator[Api]:
    """Run the config service on a file until the block is left."""
    given: dict[str, Any] = {
        "server": SERVER,
        "config-store": {
            "path": str(path),
            "fs-task-processor": "fs-task-processor",
            "tokens": {"alice": TOKEN},
            "hand-ins": "open",
            **options,
        },
    }
    configs = {
        entry.section: entry.component.Config.model_validate(given.get(entry.section, {}))
        for entry in COMPONENTS
        if entry.section in given or not needs_section(entry.component)
    }
    source = Source(COMPONENTS.variables, Snapshot({}))
    components = ComponentManager(COMPONENTS, configs, (MANAGER, source))
    store = components.find(ConfigStoreComponent)
    await store.start()
    router = components.find(ServerComponent).router()
    transport = httpx.ASGITransport(router)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Api(client, store)
    await store.stop()


def needs_section(component: type[Component]) -> bool:
    return any(field.is_required() for field in component.Config.model_fields.values())


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running(tmp_path / "config.sqlite3") as api:
        yield api
