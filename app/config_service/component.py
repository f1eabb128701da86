"""The `config-store` section."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from starlette.requests import Request
from typing_extensions import override

from app.components.component import Component, ComponentConfig
from app.config_service.register import Register
from app.config_service.sqlite_store import SqliteStore
from app.config_service.store import StoreError
from app.config_service.tokens import Tokens, WhoseToken, same_tokens
from app.config_updates.access_token import Token
from app.static_config.document import OptionPath
from app.static_config.errors import OptionError
from app.static_config.model import TaskProcessorName
from app.task_processors.component import TaskProcessorsComponent
from app.task_processors.pool import ThreadPool


class ConfigStoreComponent(Component):
    """Keeps the values that services ask for, and who may change them."""

    name = "config-store"
    needs_lifespan = True

    class Config(ComponentConfig):
        """Options of the `config-store` section."""

        path: Annotated[Path, Field(strict=False)] = Field(
            description="File of SQLite with all values and their history, on a local disk; made if"
            " it is not there. Beside it are two more, with `-wal` and `-shm` behind its name."
        )
        fs_task_processor: TaskProcessorName = Field(
            alias="fs-task-processor", description="The pool of threads that reads and writes it."
        )
        tokens: dict[WhoseToken, Token] = Field(
            default={},
            description="Tokens of those who may change values, by the names that the history has"
            " of them: 16 or more characters each. Take them from elsewhere: `alice#env:"
            " ALICE_TOKEN` or `alice#file: FILE`. Without any, nobody may.",
        )
        reads: Literal["open", "token"] = Field(
            default="open",
            description="Whether the admin API shows values and history to everybody, or only to"
            " those with a token. What services ask for is open in any case.",
        )
        hand_ins: Literal["open", "token"] = Field(
            default="token",
            alias="hand-ins",
            description="Whether every service may hand in the schemas of its variables, or only"
            " one that sends a token.",
        )
        hand_in_tokens: dict[WhoseToken, Token] = Field(
            default={},
            alias="hand-in-tokens",
            description="Tokens of services that may hand in schemas, by any names; they let nobody"
            " do anything else. Those of `tokens` do for that, too. Services send them as"
            " `dynamic-config-client.token`.",
        )

        @model_validator(mode="after")
        def _check_tokens(self) -> Self:
            if same := same_tokens(self.tokens, self.hand_in_tokens):
                text = f"{same[0]!r} and {same[1]!r} have the same token (it is not shown here)"
                raise OptionError({("tokens",): f"{text}; give each its own"})
            return self

    def __init__(self, config: Config, task_processors: TaskProcessorsComponent) -> None:
        self._config: Final = config
        name = config.fs_task_processor
        self._pool: Final = task_processors.pool_of_option("fs-task-processor", name)
        self._tokens: Final = Tokens(config.tokens)
        # Names of the two may be the same.
        hand_ins = [*config.hand_in_tokens.values(), *config.tokens.values()]
        numbered = {str(number): token for number, token in enumerate(hand_ins)}
        self._hand_in_tokens: Final = Tokens(numbered, "hand-in-tokens")
        self._checks: Final = ThreadPool("config-check", 1)
        self._store: SqliteStore | None = None
        self._register: Register | None = None

    @property
    def register(self) -> Register:
        """What is set, known and kept.

        Raises:
            StoreError: this has not started.
        """
        if self._register is None:
            raise StoreError("the config service needs an ASGI server that runs the lifespan")
        return self._register

    def writer(self, request: Request) -> str:
        """Return the name of who makes a request that changes something.

        Raises:
            JsonError: that one may not.
        """
        return self._tokens.who(request)

    def check_reader(self, request: Request) -> None:
        """Raise a `JsonError` if who makes a request may not see values."""
        if self._config.reads == "token":
            self._tokens.who(request)

    def check_hand_in(self, request: Request) -> None:
        """Raise a `JsonError` if who makes a request may not hand in schemas."""
        if self._config.hand_ins == "token":
            self._hand_in_tokens.who(request)

    @override
    def warnings(self) -> Iterator[tuple[OptionPath, str]]:
        if not self._tokens:
            yield ("tokens",), "without a token nobody may change anything"

    @override
    async def start(self) -> None:
        self._store = await self._pool.run(SqliteStore, self._config.path)
        self._register = Register(self._store, self._pool, self._checks)
        await self._register.refresh()

    @override
    async def stop(self) -> None:
        self._register = None
        self._checks.stop()
        if self._store is not None:
            await self._pool.run(self._store.close)
