"""The handlers of the admin API that change something."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.config_service.changes import Change, Draft, Target
from app.config_service.editing import Author, EditError, remove_value, roll_back, set_value
from app.config_service.forms import change_form, value_form
from app.config_service.handler import StoreHandlerBase, answer_to
from app.config_service.register import Register
from app.config_service.requests import (
    LevelQuery,
    RemovalQuery,
    RollbackBody,
    ValueBody,
    query,
    target_of,
)
from app.handlers.conditions import etag, seen_versions
from app.handlers.config import HttpMethods, UrlPath
from app.handlers.json_error import JsonError
from app.handlers.json_http import JsonHandlerConfig


class AdminValueHandler(StoreHandlerBase):
    """Shows, sets and removes the value of one variable on one level."""

    name = "admin-value"

    class Config(JsonHandlerConfig):
        """Options of the `admin-value` section."""

        path: UrlPath = "/admin/api/values/{name}"
        method: HttpMethods = "GET, PUT, DELETE"

    @override
    async def act(self, request: Request, register: Register) -> Response:
        if request.method == "PUT":
            return await self._set(request, register)
        if request.method == "DELETE":
            return await self._remove(request, register)
        self.store.check_reader(request)
        target = target_of(request, query(request, LevelQuery).level)
        await register.refresh()
        return _shown(register, target)

    async def _set(self, request: Request, register: Register) -> Response:
        who = self.store.writer(request)
        target = target_of(request, query(request, LevelQuery).level)
        seen = _seen_revisions(request)
        body = await self.body(request, ValueBody)
        author = Author(who, body.why, seen, body.allow_unknown)

        def make() -> Sequence[Draft]:
            return set_value(register.state, register.known, target, body.value, author)

        await _edit(register, make)
        return _shown(register, target)

    async def _remove(self, request: Request, register: Register) -> Response:
        who = self.store.writer(request)
        asked = query(request, RemovalQuery)
        target = target_of(request, asked.level)
        author = Author(who, asked.why, _seen_revisions(request))
        await _edit(register, lambda: remove_value(register.state, target, author))
        return _shown(register, target)


class AdminRollbackHandler(StoreHandlerBase):
    """Makes values as they were, by new changes."""

    name = "admin-rollback"

    class Config(JsonHandlerConfig):
        """Options of the `admin-rollback` section."""

        path: UrlPath = "/admin/api/rollback"
        method: HttpMethods = "POST"

    @override
    async def act(self, request: Request, register: Register) -> Response:
        who = self.store.writer(request)
        seen = _seen_revisions(request)
        asked = await self.body(request, RollbackBody)
        await register.refresh()
        revision = register.state.revision
        if asked.revision > revision:
            text = f"there is no revision {asked.revision} yet"
            raise JsonError(404, "not_found", text)
        # What is undone is all there is: nothing may come between.
        author = Author(who, asked.why, {revision}.intersection(seen), asked.allow_unknown)
        undone = await register.select(asked.undone)

        def make() -> Sequence[Draft]:
            return roll_back(register.state, register.known, undone, author)

        changes = await _edit(register, make)
        revision = register.state.revision
        form = {"revision": revision, "changes": [change_form(each) for each in changes]}
        return JSONResponse(form, headers={"ETag": etag(revision)})


async def _edit(register: Register, make: Callable[[], Sequence[Draft]]) -> list[Change]:
    try:
        return await register.edit(make)
    except EditError as error:
        raise answer_to(error, register) from error


def _shown(register: Register, target: Target) -> Response:
    last = register.state.last(target)
    form = value_form(target, last, register.problems(last) if last else ())
    return JSONResponse(form, headers={"ETag": etag(form["revision"])})


def _seen_revisions(request: Request) -> Collection[int]:
    return {int(each) for each in seen_versions(request) if _REVISION.fullmatch(each)}


_REVISION: Final = re.compile("[0-9]{1,19}")
