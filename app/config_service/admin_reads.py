"""The handlers of the admin API that only show something."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.config_service.changes import Selection
from app.config_service.forms import (
    Form,
    change_form,
    effective_forms,
    value_form,
    variables_form,
)
from app.config_service.handler import ReadingHandlerBase
from app.config_service.register import Register
from app.config_service.requests import HistoryQuery, LevelQuery, ListQuery, query
from app.config_service.steps import MANY_STEPS, Steps
from app.handlers.conditions import etag, not_modified
from app.handlers.config import HttpMethods, UrlPath
from app.handlers.json_http import JsonHandlerConfig


class AdminVariablesHandler(ReadingHandlerBase):
    """Shows the variables that services know, the services, and the stages."""

    name = "admin-variables"

    class Config(JsonHandlerConfig):
        """Options of the `admin-variables` section."""

        path: UrlPath = "/admin/api/variables"
        method: HttpMethods = "GET"

    @override
    async def show(self, request: Request, register: Register) -> Response:
        version = register.version
        if answer := not_modified(request, version):
            return answer
        body = self.kept.find(version, lambda: variables_form(register.state, register.known))
        return _json(body, version)


class AdminValuesHandler(ReadingHandlerBase):
    """Shows what is set, on each level."""

    name = "admin-values"

    class Config(JsonHandlerConfig):
        """Options of the `admin-values` section."""

        path: UrlPath = "/admin/api/values"
        method: HttpMethods = "GET"

    @override
    async def show(self, request: Request, register: Register) -> Response:
        selection, version = query(request, ListQuery).selection, register.version
        if answer := not_modified(request, version):
            return answer
        body = self.kept.find((version, selection), lambda: _values_form(register, selection))
        return _json(body, version)


def _values_form(register: Register, selection: Selection) -> Form:
    steps = Steps(MANY_STEPS)
    values = [
        value_form(each.draft.target, each, register.problems(each, steps=steps))
        for each in register.state.present(selection)
    ]
    values.sort(key=lambda form: (form["name"], form["service"], form["stage"]))
    return {"revision": register.state.revision, "values": values}


class AdminEffectiveHandler(ReadingHandlerBase):
    """Shows what a service gets, and from which level."""

    name = "admin-effective"

    class Config(JsonHandlerConfig):
        """Options of the `admin-effective` section."""

        path: UrlPath = "/admin/api/effective"
        method: HttpMethods = "GET"

    @override
    async def show(self, request: Request, register: Register) -> Response:
        asked, version = query(request, LevelQuery), register.version
        if answer := not_modified(request, version):
            return answer
        values = effective_forms(register.state, register.known, asked.service, asked.stage)
        form = {**asked.model_dump(), "revision": register.state.revision, "values": values}
        return JSONResponse(form, headers={"ETag": etag(version)})


class AdminHistoryHandler(ReadingHandlerBase):
    """Shows who has changed what, when and why."""

    name = "admin-history"

    class Config(JsonHandlerConfig):
        """Options of the `admin-history` section."""

        path: UrlPath = "/admin/api/history"
        method: HttpMethods = "GET"

    @override
    async def show(self, request: Request, register: Register) -> Response:
        asked = query(request, HistoryQuery)
        revision = register.state.revision
        if answer := not_modified(request, revision):
            return answer
        # Nothing that comes while this is read.
        changes = await register.select(asked.page(revision + 1))
        shown, more = changes[: asked.limit], changes[asked.limit :]
        form = {
            "revision": revision,
            "changes": [change_form(each) for each in shown],
            "next_before": shown[-1].revision if more else None,
        }
        return JSONResponse(form, headers={"ETag": etag(revision)})


def _json(body: bytes, version: str) -> Response:
    return Response(body, media_type="application/json", headers={"ETag": etag(version)})
