"""The `dynamic-config-client` section."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.config_updates.access_token import Token
from app.config_updates.answers import A
from app.config_updates.config_client import Attempts, ConfigClient
from app.config_updates.config_url import ConfigUrl, ServiceUrl
from app.config_updates.hand_in import HandIn
from app.config_updates.protocol import (
    SCHEMAS_PATH,
    VALUES_PATH,
    SchemasAnswer,
    ValuesAnswer,
    ValuesRequest,
)
from app.config_updates.stage import StageOfFile
from app.dynamic_config.source import Source
from app.dynamic_config.variable import Variable
from app.http_client.clients import quieten_libraries
from app.http_client.variables import USERVER_HTTP_PROXY
from app.static_config.document import OptionPath
from app.static_config.duration import Duration
from app.static_config.errors import OptionError

_MAX_TIMEOUT: Final = 3600


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
        token: Token | None = Field(
            default=None,
            repr=False,
            description="Sent as `Authorization: Bearer` with all that the config service is"
            " asked, if it wants a token, instead of a user and a password. 16 or more characters."
            " Take it from elsewhere: `token#env: CONFIGS_TOKEN` or `token#file: FILE`.",
        )
        register_schemas: bool = Field(
            default=False,
            alias="register-schemas",
            description="Whether each start tells the config service which variables this service"
            f" has and what their values may be (`POST <config-url>{SCHEMAS_PATH}`), so that it"
            " refuses what this service would refuse. The config service of this kit takes that;"
            " userver's protocol does not know it. It is done when the first values are there;"
            " nothing waits for it, and what fails is tried again until it succeeds, with pauses"
            " that grow to a minute.",
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
            " answer, a 429 or a 5xx. A start makes one attempt before it goes on with a good cache"
            " (`dynamic-config.fs-cache-path`). Without one, while the config service hangs, it"
            " takes as long as all attempts and pauses together, twice as long with a proxy, before"
            " it comes to nothing.",
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

        @model_validator(mode="after")
        def _is_one_client(self) -> Self:
            if self.token is not None and self.service_url(None).auth is not None:
                text = "either this or a user and a password in config-url, not both"
                raise OptionError({("token",): text})
            return self

        @model_validator(mode="after")
        def _has_place_for_schemas(self) -> Self:
            if self.register_schemas and not self.append_path_to_url:
                text = f"{SCHEMAS_PATH} has to come behind config-url: append-path-to-url: true"
                raise OptionError({("register-schemas",): text})
            return self

        def service_url(self, path: str | None) -> ServiceUrl:
            """Where something is asked."""
            return ServiceUrl.of(self.config_url, path, self.token)

    def __init__(self, config: Config, source: Source) -> None:
        self._config: Final = config
        self._source: Final = source
        path = VALUES_PATH if config.append_path_to_url else None
        self.client: Final = self._make_client(path, ValuesAnswer)
        self._service = config.service_name if config.get_configs_overrides_for_service else None
        self._stage = config.configs_stage or config.stage_of_file or None
        self._is_used = False

    def request(self, ids: list[str] | None) -> ValuesRequest:
        """Return what to ask for to have all values of these variables; None: of all."""
        self._is_used = True
        return ValuesRequest(ids=ids, service=self._service, stage_name=self._stage)

    def hand_in(self, variables: Iterable[Variable[Any]]) -> HandIn | None:
        """Return what tells the config service of these variables; None if nothing shall."""
        if not self._config.register_schemas:
            return None
        # With a client of its own: it asks while others ask for values.
        client = self._make_client(SCHEMAS_PATH, SchemasAnswer)
        return HandIn(client, self._config.service_name, variables)

    def _make_client(self, path: str | None, answer: type[A]) -> ConfigClient[A]:
        config, source = self._config, self._source
        attempts = Attempts(config.http_retries, config.http_timeout, config.fallback_to_no_proxy)
        return ConfigClient(
            config.service_url(path),
            answer,
            attempts,
            lambda: source.snapshot[USERVER_HTTP_PROXY],
        )

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
