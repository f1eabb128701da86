"""The base class of handlers that answer in JSON, whatever happens."""

from abc import abstractmethod
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from app.handlers.config import HandlerConfig
from app.handlers.http import HttpHandlerBase
from app.handlers.json_error import JsonError
from app.handlers.request_body import read_json
from app.server.component import ServerComponent
from app.static_config.document import Document, Place, Places, dotted
from app.static_config.validation import problems_of

M = TypeVar("M", bound=BaseModel)


class JsonHandlerConfig(HandlerConfig):
    """Options of a handler that takes and answers JSON."""

    max_request_size: int = Field(
        default=1 << 20,
        ge=1,
        description="Bytes of the body of a request, at most. A larger one is answered with 413.",
    )


class JsonHandlerBase(HttpHandlerBase):
    """Derive from it, give it a `name`, and write `answer`."""

    Config = JsonHandlerConfig

    def __init__(self, config: JsonHandlerConfig, server: ServerComponent, section: str) -> None:
        super().__init__(config, server, section)
        self.max_request_size = config.max_request_size

    @override
    async def respond(self, request: Request) -> Response:
        try:
            response = await self.answer(request)
        except JsonError as error:
            response = error.response()
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @abstractmethod
    async def answer(self, request: Request) -> Response:
        """Answer one request. A `JsonError` is an answer, too; any other exception is 500."""

    async def body(self, request: Request, model: type[M]) -> M:
        """Return the body of a request, which is JSON and fits the model.

        Raises:
            JsonError: it is not.
        """
        return fitting(await read_json(request, self.max_request_size), model)


def fitting(value: Any, model: type[M]) -> M:
    """Return a value, as it stands in JSON, as one of the model.

    Raises:
        JsonError: it does not fit; all that is wrong is in `errors`.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        document = Document(value, Places(Place("request")))
        problems = list(problems_of(error, document, (), model))
    message = "; ".join(f"{dotted(each.path) or 'the body'}: {each.text}" for each in problems)
    errors = [{"path": list(each.path), "text": each.text} for each in problems]
    raise JsonError(400, "bad_request", message, errors=errors)
