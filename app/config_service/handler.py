"""The base class of the config service's handlers."""

from abc import abstractmethod
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from app.config_service.changes import Target
from app.config_service.component import ConfigStoreComponent
from app.config_service.editing import ChangedMeanwhileError, EditError, ValuesRefusedError
from app.config_service.forms import Form, refused_forms, value_form
from app.config_service.kept_body import KeptBody
from app.config_service.register import Register
from app.config_service.store import StoreError
from app.handlers.conditions import etag
from app.handlers.json_error import JsonError
from app.handlers.json_http import JsonHandlerBase, JsonHandlerConfig
from app.server.component import ServerComponent

RETRY_AFTER: Final = {"Retry-After": "1"}


class StoreHandlerBase(JsonHandlerBase):
    """Derive from it to do something with the store; its errors are answered here."""

    def __init__(
        self,
        config: JsonHandlerConfig,
        server: ServerComponent,
        section: str,
        store: ConfigStoreComponent,
    ) -> None:
        super().__init__(config, server, section)
        self.store: Final = store

    @override
    async def answer(self, request: Request) -> Response:
        try:
            return await self.act(request, self.store.register)
        except StoreError as error:
            text = f"{error}; nothing was changed"
            raise JsonError(503, "unavailable", text, RETRY_AFTER) from error

    @abstractmethod
    async def act(self, request: Request, register: Register) -> Response:
        """Answer one request, by what is kept in `register`."""


class ReadingHandlerBase(StoreHandlerBase):
    """Derive from it to show something of the store, and write `show`."""

    def __init__(
        self,
        config: JsonHandlerConfig,
        server: ServerComponent,
        section: str,
        store: ConfigStoreComponent,
    ) -> None:
        super().__init__(config, server, section, store)
        self.kept: Final = KeptBody()

    @override
    async def act(self, request: Request, register: Register) -> Response:
        self.store.check_reader(request)
        await register.refresh()
        return await self.show(request, register)

    @abstractmethod
    async def show(self, request: Request, register: Register) -> Response:
        """Answer one request of somebody who may read."""


def answer_to(error: EditError, register: Register) -> JsonError:
    """Return what to answer where a change is not made."""
    match error:
        case ChangedMeanwhileError():
            current = _current(error.target, register)
            headers = {"ETag": etag(current["revision"])}
            return JsonError(412, "changed", str(error), headers, current=current)
        case ValuesRefusedError():
            return JsonError(422, "refused", str(error), errors=refused_forms(error.problems))
        case _:
            return JsonError(404, "not_found", str(error))


def _current(target: Target | None, register: Register) -> Form:
    if target is None:
        return {"revision": register.state.revision}
    last = register.state.last(target)
    return value_form(target, last, register.problems(last) if last else ())
