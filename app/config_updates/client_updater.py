"""The `dynamic-config-client-updater` section."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.config_updates.client_component import DynamicConfigClientComponent
from app.config_updates.component import DynamicConfigComponent
from app.config_updates.merging import Deduplication
from app.config_updates.service_origin import Asking, ServiceOrigin
from app.config_updates.updates import Updates
from app.periodic import PeriodicTask, Schedule
from app.static_config.duration import Duration, written_duration
from app.static_config.errors import OptionError

_MAX_INTERVAL: Final = 86400 * 365

_Interval = Annotated[Duration, Field(gt=0, le=_MAX_INTERVAL)]


class DynamicConfigClientUpdaterComponent(Component):
    """Brings the values that a config service has, again and again."""

    name = "dynamic-config-client-updater"
    needs_lifespan = True

    class Config(ComponentConfig):
        """Options of the `dynamic-config-client-updater` section."""

        update_interval: _Interval = Field(
            alias="update-interval",
            description="How long after an update the next one begins.",
        )
        update_jitter: Annotated[Duration, Field(ge=0)] | None = Field(
            default=None,
            alias="update-jitter",
            description="By how much that is more or less, by chance, so that many services do not"
            " ask at the same time. By default a tenth of `update-interval`.",
        )
        full_update_interval: Annotated[Duration, Field(ge=0, le=_MAX_INTERVAL)] | None = Field(
            default=None,
            alias="full-update-interval",
            description="How long after it has asked for all values it asks for all again, and not"
            " for those that have changed. By default 10 times `update-interval`. 0: never again;"
            " then a config service whose clock has been set back is not heard before it has"
            " caught up.",
        )
        exception_interval: _Interval | None = Field(
            default=None,
            alias="exception-interval",
            description="Instead of `update-interval` after an update that came to nothing. By"
            " default the same.",
        )
        first_update_fail_ok: bool = Field(
            default=False,
            alias="first-update-fail-ok",
            description="Whether the service starts with its fallback values where the config"
            " service gives none and there is no cache (`dynamic-config.fs-cache-path`).",
        )
        load_only_my_values: bool = Field(
            default=True,
            alias="load-only-my-values",
            description="Whether it asks only for variables that this service has. Others are"
            " passed over anyway.",
        )
        deduplicate_update_types: Deduplication = Field(
            default="full-and-incremental",
            alias="deduplicate-update-types",
            description="Which updates are passed over when they bring the values that are there"
            " already. Others are logged and written to the cache all the same; who reads"
            " variables is told of nothing either way.",
        )

        @model_validator(mode="after")
        def _jitter_fits(self) -> Self:
            if self.update_jitter is not None and self.update_jitter > self.update_interval:
                interval = written_duration(self.update_interval)
                text = f"expected at most update-interval, {interval}"
                raise OptionError({("update-jitter",): text})
            return self

        @property
        def schedule(self) -> Schedule:
            """When updates are made."""
            interval, jitter = self.update_interval, self.update_jitter
            return Schedule(
                interval=interval,
                jitter=interval / 10 if jitter is None else jitter,
                after_failure=self.exception_interval or interval,
            )

        @property
        def seconds_between_full_updates(self) -> float:
            """`full-update-interval`, or what it is by default; 0: none but the first."""
            given = self.full_update_interval
            return 10 * self.update_interval if given is None else given

    def __init__(
        self,
        config: Config,
        section: str,
        dynamic_config: DynamicConfigComponent,
        client: DynamicConfigClientComponent,
    ) -> None:
        dynamic_config.register_updater(section, self.update_now)
        source = dynamic_config.source
        ids = sorted(each.name for each in source.variables) if config.load_only_my_values else None
        asking = Asking(
            client.request(ids),
            config.seconds_between_full_updates,
            config.deduplicate_update_types,
        )
        self._updates = Updates(
            source,
            dynamic_config.cache,
            ServiceOrigin(client.client.ask, client.client.url, asking),
            first_may_fail=config.first_update_fail_ok,
        )
        self._task = PeriodicTask(section, self._updates.again, config.schedule)
        self._hand_in = client.hand_in(source.variables)

    def update_now(self) -> None:
        """Let the next update begin at once; on the event loop's thread, at any time."""
        self._task.run_now()

    @override
    async def start(self) -> None:
        await self._updates.first()
        self._task.start()
        if self._hand_in is not None:
            self._hand_in.start()

    @override
    async def stop(self) -> None:
        if self._hand_in is not None:
            await self._hand_in.stop()
        await self._task.stop()
