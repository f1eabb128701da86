"""The handlers for services: they ask for values, and hand in what they know."""

import logging

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.config_service.forms import problem_form
from app.config_service.handler import StoreHandlerBase
from app.config_service.known_variables import Problem
from app.config_service.register import Register
from app.config_service.requests import check_name
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
from app.handlers.json_http import JsonHandlerConfig, fitting
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
        body = await read_body(request, self.max_request_size)
        await register.refresh_if_possible()
        answer = register.answers.find(body) or register.answers.make(body, _asked(body))
        return Response(answer, media_type="application/json")


def _asked(body: bytes) -> ValuesRequest:
    try:
        return ValuesRequest.model_validate_json(body)
    except ValidationError:
        # Slower, and with the texts that all handlers have.
        return fitting(parse_json(body), ValuesRequest)


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
        asked = await self.body(request, SchemasRequest)
        wrong = _wrong_names(asked) or await register.hand_in(asked.service, asked.variables)
        if wrong:
            text = "; ".join(f"{dotted(each.path)}: {each.text}" for each in wrong)
            errors = [problem_form(each) for each in wrong]
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
    problems: list[Problem] = []
    paths: list[tuple[str, ...]] = [("variables", name) for name in asked.variables]
    for path, name in [(("service",), asked.service), *((each, each[-1]) for each in paths)]:
        try:
            check_name(name)
        except ValueError as error:
            problems.append(Problem(path, str(error)))
    return problems
