"""The handlers of the admin API that only show something."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.config_service.forms import change_form, effective_forms, value_form, variables_form
from app.config_service.handler import ReadingHandlerBase
from app.config_service.register import Register
from app.config_service.requests import HistoryQuery, LevelQuery, ListQuery, query
from app.handlers.conditions import unless_seen
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
        form = variables_form(register.state, register.known)
        return unless_seen(request, register.version, JSONResponse(form))


class AdminValuesHandler(ReadingHandlerBase):
    """Shows what is set, on each level."""

    name = "admin-values"

    class Config(JsonHandlerConfig):
        """Options of the `admin-values` section."""

        path: UrlPath = "/admin/api/values"
        method: HttpMethods = "GET"

    @override
    async def show(self, request: Request, register: Register) -> Response:
        changes = register.state.present(query(request, ListQuery).selection)
        values = [value_form(each.draft.target, each, register.problems(each)) for each in changes]
        values.sort(key=lambda form: (form["name"], form["service"], form["stage"]))
        form = {"revision": register.state.revision, "values": values}
        return unless_seen(request, register.version, JSONResponse(form))


class AdminEffectiveHandler(ReadingHandlerBase):
    """Shows what a service gets, and from which level."""

    name = "admin-effective"

    class Config(JsonHandlerConfig):
        """Options of the `admin-effective` section."""

        path: UrlPath = "/admin/api/effective"
        method: HttpMethods = "GET"

    @override
    async def show(self, request: Request, register: Register) -> Response:
        asked = query(request, LevelQuery)
        values = effective_forms(register.state, register.known, asked.service, asked.stage)
        form = {**asked.model_dump(), "revision": register.state.revision, "values": values}
        return unless_seen(request, register.version, JSONResponse(form))


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
        # Nothing that comes while this is read.
        changes = await register.select(asked.page(revision + 1))
        shown, more = changes[: asked.limit], changes[asked.limit :]
        form = {
            "revision": revision,
            "changes": [change_form(each) for each in shown],
            "next_before": shown[-1].revision if more else None,
        }
        return unless_seen(request, revision, JSONResponse(form))
