"""The `dynamic-config-client` and `dynamic-config-client-updater` sections."""

from collections.abc import Iterator
from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.config_updates.component import DynamicConfigComponent
from app.config_updates.config_client import Attempts, ConfigClient
from app.config_updates.config_url import ConfigUrl, ValuesUrl
from app.config_updates.merging import Deduplication
from app.config_updates.protocol import VALUES_PATH, ValuesRequest
from app.config_updates.service_origin import Asking, ServiceOrigin
from app.config_updates.stage import StageOfFile
from app.config_updates.updates import Updates
from app.dynamic_config.source import Source
from app.http_client.clients import quieten_libraries
from app.http_client.variables import USERVER_HTTP_PROXY
from app.periodic import PeriodicTask, Schedule
from app.static_config.document import OptionPath
from app.static_config.duration import Duration, written_duration
from app.static_config.errors import OptionError

_MAX_TIMEOUT: Final = 3600
_MAX_INTERVAL: Final = 86400 * 365

_Interval = Annotated[Duration, Field(gt=0, le=_MAX_INTERVAL)]


class DynamicConfigClientComponent(Component):
    """Asks a config service for values, for `dynamic-config-client-updater`."""

    name = "dynamic-config-client"
    needs_lifespan = True

    class Config(ComponentConfig):
        """Options of the `dynamic-config-client` section."""

        config_url: ConfigUrl = Field(
            alias="config-url",
            description="URL of the config service, `http` or `https`; may have a user and a"
            " password: `https://user:password@configs.example`. The authorities that certificates"
            " are of are the system's, or those in the file that `$SSL_CERT_FILE` names.",
        )
        append_path_to_url: bool = Field(
            default=True,
            alias="append-path-to-url",
            description=f"Whether `{VALUES_PATH}` comes behind it.",
        )
        service_name: str = Field(
            min_length=1,
            alias="service-name",
            description="What the config service knows this service as.",
        )
        get_configs_overrides_for_service: bool = Field(
            default=True,
            alias="get-configs-overrides-for-service",
            description="Whether the config service is told `service-name`, so that values that it"
            " has for this service come before those for all.",
        )
        configs_stage: str = Field(
            default="",
            alias="configs-stage",
            description="The stage that the config service is told, as `testing`, so that values"
            " that it has for this stage come before those for all. Empty: none.",
        )
        stage_of_file: StageOfFile = Field(
            default="",
            alias="configs-stage-filepath",
            description='JSON file that tells the stage, instead of `configs-stage`: `{"env_name":'
            ' "testing"}`. Read once, at start.',
        )
        http_timeout: Annotated[Duration, Field(gt=0, le=_MAX_TIMEOUT)] = Field(
            default=1.0,
            alias="http-timeout",
            description="How long one attempt may take, from connecting to the end of the answer.",
        )
        http_retries: int = Field(
            default=3,
            ge=1,
            le=100,
            alias="http-retries",
            description="Attempts for an update, at most, with pauses that grow from 0.1 s to 2 s"
            " (`Retry-After` makes them up to 5 s longer). Another one is made when there was no"
            " answer, a 429 or a 5xx. While the config service hangs, a start takes as long as"
            " all attempts and pauses together, twice as long with a proxy, before it goes on with"
            " the cache or comes to nothing.",
        )
        fallback_to_no_proxy: bool = Field(
            default=True,
            alias="fallback-to-no-proxy",
            description="Whether an attempt that fails through the proxy (`USERVER_HTTP_PROXY`) is"
            " made again without it.",
        )

        @model_validator(mode="after")
        def _has_one_stage(self) -> Self:
            if self.configs_stage and self.stage_of_file:
                text = "either this or configs-stage, not both"
                raise OptionError({("configs-stage-filepath",): text})
            return self

    def __init__(self, config: Config, source: Source) -> None:
        values_url = ValuesUrl.of(config.config_url, append_path=config.append_path_to_url)
        attempts = Attempts(config.http_retries, config.http_timeout, config.fallback_to_no_proxy)
        self.client: Final = ConfigClient(
            values_url, attempts, lambda: source.snapshot[USERVER_HTTP_PROXY]
        )
        self._service = config.service_name if config.get_configs_overrides_for_service else None
        self._stage = config.configs_stage or config.stage_of_file or None
        self._is_used = False

    def request(self, ids: list[str] | None) -> ValuesRequest:
        """Return what to ask for to have all values of these variables; None: of all."""
        self._is_used = True
        return ValuesRequest(ids=ids, service=self._service, stage_name=self._stage)

    @override
    def warnings(self) -> Iterator[tuple[OptionPath, str]]:
        if not self._is_used:
            yield (), "asks for nothing: dynamic-config-client-updater has no section"

    @override
    async def start(self) -> None:
        quieten_libraries()

    @override
    async def stop(self) -> None:
        await self.client.close()


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

    def update_now(self) -> None:
        """Let the next update begin at once; on the event loop's thread, at any time."""
        self._task.run_now()

    @override
    async def start(self) -> None:
        await self._updates.first()
        self._task.start()

    @override
    async def stop(self) -> None:
        await self._task.stop()
