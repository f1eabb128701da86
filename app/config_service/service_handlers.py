"""The handlers for services: they ask for values, and hand in what they know."""

import logging
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.config_service.forms import problem_form
from app.config_service.handler import RETRY_AFTER, StoreHandlerBase
from app.config_service.known_variables import Problem
from app.config_service.register import Register
from app.config_service.requests import SchemasHandedIn, ValuesAsked, wrong_name
from app.config_updates.protocol import (
    SCHEMAS_PATH,
    VALUES_PATH,
    Misfit,
    SchemasAnswer,
    SchemasRequest,
    ValuesRequest,
)
from app.handlers.config import HttpMethods, UrlPath
from app.handlers.json_error import JsonError
from app.handlers.json_http import MAX_PROBLEMS, JsonHandlerConfig, fitting
from app.handlers.request_body import parse_json, read_body
from app.static_config.document import dotted

logger = logging.getLogger(__name__)


class ConfigValuesHandler(StoreHandlerBase):
    """Answers services that ask for values, or for those that have changed."""

    name = "config-values"

    class Config(JsonHandlerConfig):
        """Options of the `config-values` section."""

        path: UrlPath = VALUES_PATH
        method: HttpMethods = "POST"

    @override
    async def act(self, request: Request, register: Register) -> Response:
        # The clients of the original send no Content-Type.
        body = await read_body(request, self.limits)
        is_current = await register.refresh_if_possible()
        answer = register.answers.find(body) if is_current else None
        if answer is None:
            asked = fitting(parse_json(body), ValuesAsked)
            if not is_current:
                _raise_if_ahead(asked, register)
            answer = register.answers.make(body, asked)
        return Response(answer, media_type="application/json")


def _raise_if_ahead(asked: ValuesRequest, register: Register) -> None:
    """Let nobody who may know more have what was there once."""
    since = asked.updated_since
    if since is not None and register.state.revision_of(since) is None:
        text = "the store cannot be read, and what is known here may be older than 'updated_since'"
        raise JsonError(503, "unavailable", text, RETRY_AFTER)


class ConfigSchemasHandler(StoreHandlerBase):
    """Takes what services know, when they start: values are checked by that."""

    name = "config-schemas"

    class Config(JsonHandlerConfig):
        """Options of the `config-schemas` section."""

        path: UrlPath = SCHEMAS_PATH
        method: HttpMethods = "POST"

    @override
    async def act(self, request: Request, register: Register) -> Response:
        self.store.check_hand_in(request)
        asked = await self.body(request, SchemasHandedIn)
        wrong = _wrong_names(asked) or await register.hand_in(asked.service, asked.variables)
        if wrong:
            told = wrong[:MAX_PROBLEMS]
            text = "; ".join(f"{dotted(each.path)}: {each.text}" for each in told)
            errors = [problem_form(each) for each in told]
            raise JsonError(422, "refused", text, errors=errors)
        misfits = [
            Misfit(
                name=change.draft.target.name,
                service=change.draft.target.level.service,
                stage=change.draft.target.level.stage,
                path=list(problem.path),
                text=problem.text,
            )
            for change, problem in register.misfits(asked.service)
        ]
        for each in misfits:
            where = dotted((each.name, *each.path))
            logger.warning("service %r would refuse %s: %s", asked.service, where, each.text)
        return JSONResponse(SchemasAnswer(misfits=misfits).model_dump())


def _wrong_names(asked: SchemasRequest) -> list[Problem]:
    paths: list[tuple[str, ...]] = [("variables", name) for name in asked.variables]
    named = [(("service",), asked.service), *((each, each[-1]) for each in paths)]
    wrong = ((path, text) for path, name in named if (text := wrong_name(name)))
    return [Problem(path, text) for path, text in islice(wrong, MAX_PROBLEMS)]
