"""What requests to the config service may say, in their queries and bodies."""

import re
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request

from app.config_service.changes import Level, Selection, Target
from app.config_updates.protocol import SchemasRequest, ValuesRequest, VariableSchema
from app.handlers.json_error import JsonError
from app.handlers.json_http import fitting

M = TypeVar("M", bound=BaseModel)

MAX_REVISION: Final = 2**62

MAX_NAMES: Final = 10_000
"""How many variables one service may ask for, and may hand in."""

_NO_NAME: Final = (
    "expected a name of letters, digits, '_', '.' and '-', 200 at most, that does not begin with"
    " '.' or '-'"
)

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


def wrong_name(name: str) -> str:
    """Return what is wrong with the name of a variable, a service or a stage; "" if nothing is."""
    return "" if _NAME.fullmatch(name) else _NO_NAME


def check_name(name: str) -> str:
    """Return the name of a variable, a service or a stage.

    Raises:
        ValueError: it cannot be one.
    """
    if text := wrong_name(name):
        raise ValueError(text)
    return name


def _check_reason(why: str) -> str:
    if not why.strip():
        raise ValueError("expected a text for those who will read the history")
    return why.strip()


Name = Annotated[str, AfterValidator(check_name)]
NameOrAll = Annotated[str, AfterValidator(lambda name: name and check_name(name))]
Reason = Annotated[str, Field(max_length=500), AfterValidator(_check_reason)]
Revision = Annotated[int, Field(ge=0, le=MAX_REVISION)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ValuesAsked(ValuesRequest):
    """What a service asks for. Of names that are none, the first one is told."""

    ids: Annotated[list[str], Field(max_length=MAX_NAMES, fail_fast=True)] | None = None


def _check_count(variables: object) -> object:
    """Return what a service hands in; before what is wrong with each part of it is looked for."""
    if isinstance(variables, dict) and len(variables) > MAX_NAMES:
        raise ValueError(f"expected {MAX_NAMES} or fewer variables (got {len(variables)})")
    return variables


class SchemasHandedIn(SchemasRequest):
    """What a service hands in."""

    variables: Annotated[dict[str, VariableSchema], BeforeValidator(_check_count)]


class LevelQuery(_Query):
    """A level: empty is everybody."""

    service: NameOrAll = ""
    stage: NameOrAll = ""

    @property
    def level(self) -> Level:
        """The level."""
        return Level(self.service, self.stage)


class RemovalQuery(LevelQuery):
    """What is removed, and why."""

    why: Reason


class ForgettingQuery(_Query):
    """Why a service is forgotten."""

    why: Reason


class ListQuery(_Query):
    """Which values are wanted."""

    name: Name | None = None
    service: NameOrAll | None = None
    stage: NameOrAll | None = None

    @property
    def selection(self) -> Selection:
        """The same as a selection."""
        return Selection(name=self.name, service=self.service, stage=self.stage)


class HistoryQuery(ListQuery):
    """Which page of the history is wanted."""

    before: Annotated[int, Field(ge=1, le=MAX_REVISION)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 50

    def page(self, before: int) -> Selection:
        """Return the selection of the changes that are wanted, of those before a revision.

        And one more, which shows whether there is another page.
        """
        return Selection(
            before=min(before, self.before or before),
            name=self.name,
            service=self.service,
            stage=self.stage,
            limit=self.limit + 1,
            latest_first=True,
        )


class ValueBody(_Body):
    """A value, as it is to be set."""

    value: Any
    why: Reason
    allow_unknown: bool = False


class RollbackBody(_Body):
    """Where to go back to, and with what."""

    revision: Revision
    why: Reason
    name: Name | None = None
    service: NameOrAll | None = None
    stage: NameOrAll | None = None
    allow_unknown: bool = False

    @property
    def undone(self) -> Selection:
        """The changes that are undone: of each target the first one, which has what was before."""
        return Selection(
            after=self.revision,
            name=self.name,
            service=self.service,
            stage=self.stage,
            first_of_each=True,
        )


def query(request: Request, model: type[M]) -> M:
    """Return the query of a request.

    Raises:
        JsonError: it does not fit the model.
    """
    given = request.query_params.multi_items()
    values = dict(given)
    if len(values) < len(given):
        raise JsonError(400, "bad_request", "a parameter of the query is there twice")
    return fitting(values, model)


def target_of(request: Request, level: Level) -> Target:
    """Return what the path of a request names, on a level.

    Raises:
        JsonError: that is no name.
    """
    return Target(name_of(request), level)


def name_of(request: Request) -> str:
    """Return the name in the path of a request.

    Raises:
        JsonError: that is no name.
    """
    try:
        return check_name(request.path_params["name"])
    except ValueError as error:
        errors = [{"path": ["name"], "text": str(error)}]
        raise JsonError(400, "bad_request", f"name: {error}", errors=errors) from None
