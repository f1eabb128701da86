"""What a service knows, handed in to its config service: once for each start."""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from typing import Any, Final

from app.config_updates.answers import printable
from app.config_updates.back_off import pause
from app.config_updates.config_client import ConfigClient
from app.config_updates.errors import UpdateError
from app.config_updates.protocol import Misfit, SchemasAnswer, SchemasRequest
from app.config_updates.schemas import variables_schemas
from app.dynamic_config.variable import Variable
from app.static_config.document import dotted

logger = logging.getLogger(__name__)

LONGEST_PAUSE: Final = 60.0
"""Seconds. Who could not hand in anything for long is not in a hurry: many may be like that."""


class HandIn:
    """Hands in the schemas of a service's variables, in the background, until they are taken.

    Nobody waits for it: it fails with lines in the log only. Belongs to one event loop.

    Args:
        client: Hands in; is closed when there is nothing more to do.
        service: The name of the service.
        variables: What it knows.
        chance: Returns numbers from 0 up to 1, which spread the attempts.
    """

    def __init__(
        self,
        client: ConfigClient[SchemasAnswer],
        service: str,
        variables: Iterable[Variable[Any]],
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._client: Final = client
        self._service: Final = service
        self._variables: Final = variables
        self._chance: Final = chance
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="hand-in")

    async def stop(self) -> None:
        """End at once, be it in the middle of a request; harmless if it does not run."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        try:
            await self._hand_in()
        except Exception:
            logger.exception("the schemas of this service are not handed in")
        finally:
            await self._client.close()

    async def _hand_in(self) -> None:
        schemas = variables_schemas(self._variables)
        answer = await self._until_taken(SchemasRequest(service=self._service, variables=schemas))
        url = self._client.url
        logger.info("%s: the schemas of %d variables are handed in", url, len(schemas))
        for each in answer.misfits:
            logger.warning("%s: %s", url, _told(each))

    async def _until_taken(self, request: SchemasRequest) -> SchemasAnswer:
        attempt, told = 0, ""
        while True:
            attempt += 1
            try:
                return await self._client.ask(request)
            except UpdateError as error:
                if str(error) != told:
                    told = str(error)
                    logger.warning(
                        "the schemas of this service (register-schemas) are not handed in yet: %s",
                        told,
                    )
            await asyncio.sleep(pause(attempt, self._chance(), longest=LONGEST_PAUSE))


def _told(misfit: Misfit) -> str:
    service = f"service {misfit.service!r}" if misfit.service else "all services"
    stage = f" on stage {misfit.stage!r}" if misfit.stage else ""
    what = dotted((misfit.name, *misfit.path))
    return printable(f"{what}, set for {service}{stage}, is not good here: {misfit.text}")
