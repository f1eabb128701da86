"""The components of a service that have to do with its config service."""

from collections.abc import Mapping
from typing import Any, Final, Self

import pytest
from pydantic import ValidationError

from app.config_updates.client_component import DynamicConfigClientComponent
from app.config_updates.client_updater import DynamicConfigClientUpdaterComponent
from app.config_updates.component import DynamicConfigComponent
from app.dynamic_config.snapshot import Snapshot
from app.dynamic_config.source import Source
from app.dynamic_config.variable import Variable
from app.http_client.variables import USERVER_HTTP_PROXY
from app.static_config.manager import ManagerConfig
from app.task_processors.component import TaskProcessorsComponent
from tests.helpers.fake_config_service import FakeConfigService

COUNT: Final = Variable("COUNT", int, 7, description="How many.", reader="a test")

MANAGER: Final = ManagerConfig.model_validate(
    {
        "task_processors": {
            "main-task-processor": {"worker_threads": 1},
            "fs-task-processor": {"worker_threads": 1},
        },
        "default_task_processor": "main-task-processor",
    }
)

CLIENT: Final[dict[str, object]] = {"config-url": "http://127.0.0.1:9", "service-name": "chat"}
UPDATER: Final[dict[str, object]] = {"update-interval": "10s"}


class Parts:
    """The components of a service, as far as they matter here."""

    def __init__(
        self,
        client: dict[str, object] | None = None,
        updater: dict[str, object] | None = None,
        **dynamic_config: object,
    ) -> None:
        self.source = Source([COUNT, USERVER_HTTP_PROXY], Snapshot({"COUNT": 1}))
        self.processors = TaskProcessorsComponent(MANAGER)
        self.dynamic_config = DynamicConfigComponent(
            DynamicConfigComponent.Config.model_validate(
                {"updates-enabled": True, **dynamic_config}
            ),
            self.source,
            self.processors,
        )
        self.client = DynamicConfigClientComponent(
            DynamicConfigClientComponent.Config.model_validate({**CLIENT, **(client or {})}),
            self.source,
        )
        self.updater = DynamicConfigClientUpdaterComponent(
            DynamicConfigClientUpdaterComponent.Config.model_validate(
                {**UPDATER, **(updater or {})}
            ),
            DynamicConfigClientUpdaterComponent.name,
            self.dynamic_config,
            self.client,
        )

    @property
    def count(self) -> int:
        return self.source.snapshot[COUNT]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Harmless a second time, and if nothing has started."""
        await self.updater.stop()
        await self.client.stop()
        await self.processors.stop()


def at(service: FakeConfigService, **options: object) -> dict[str, object]:
    """Return the options of a client of a config service, which makes one attempt."""
    return {"config-url": service.url, "http-retries": 1, "http-timeout": "10s", **options}


def refusal(section: type[Any], options: Mapping[str, object]) -> str:
    """Return why options of a component are refused."""
    with pytest.raises(ValidationError) as caught:
        section.Config.model_validate(options)
    return str(caught.value.errors()[0]["msg"])
