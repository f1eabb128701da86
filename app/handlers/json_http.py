"""The base class of handlers that answer in JSON, whatever happens."""

import logging
from abc import abstractmethod
from itertools import islice
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from typing_extensions import override

from app.handlers.config import HandlerConfig
from app.handlers.http import HttpHandlerBase
from app.handlers.json_error import JsonError
from app.handlers.request_body import BodyLimits, read_json
from app.server.component import ServerComponent
from app.static_config.document import Document, Place, Places, dotted
from app.static_config.duration import Duration
from app.static_config.validation import problems_of

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)

MAX_PROBLEMS: Final = 100
"""How much of what is wrong with a request is told, at most."""


class JsonHandlerConfig(HandlerConfig):
    """Options of a handler that takes and answers JSON."""

    max_request_size: int = Field(
        default=1 << 20,
        ge=1,
        description="Bytes of the body of a request, at most. A larger one is answered with 413.",
    )
    body_timeout: Annotated[Duration, Field(gt=0, le=3600)] = Field(
        default=10.0,
        description="In which the body of a request must have come whole; else it is answered with"
        " 408, and the connection is closed.",
    )


class JsonHandlerBase(HttpHandlerBase):
    """Derive from it, give it a `name`, and write `answer`."""

    Config = JsonHandlerConfig

    def __init__(self, config: JsonHandlerConfig, server: ServerComponent, section: str) -> None:
        super().__init__(config, server, section)
        self.limits: Final = BodyLimits(config.max_request_size, config.body_timeout)

    @override
    async def respond(self, request: Request) -> Response:
        try:
            response = await self.answer(request)
        except JsonError as error:
            response = error.response()
        except Exception:
            logger.exception("handler %r raised", self.handler_name)
            text = "this is an error of the service; its log says more"
            response = JsonError(500, "internal", text).response()
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
        return fitting(await read_json(request, self.limits), model)


def fitting(value: Any, model: type[M]) -> M:
    """Return a value, as it stands in JSON, as one of the model.

    Raises:
        JsonError: it does not fit; what is wrong is in `errors`, `MAX_PROBLEMS` at most.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        document = Document(value, Places(Place("request")))
        problems = list(islice(problems_of(error, document, (), model), MAX_PROBLEMS))
    message = "; ".join(f"{dotted(each.path) or 'the body'}: {each.text}" for each in problems)
    errors = [{"path": list(each.path), "text": each.text} for each in problems]
    raise JsonError(400, "bad_request", message, errors=errors)
