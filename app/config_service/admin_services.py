"""The handler of the admin API that forgets services."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import override

from app.config_service.handler import StoreHandlerBase
from app.config_service.register import Register
from app.config_service.requests import ForgettingQuery, name_of, query
from app.handlers.config import HttpMethods, UrlPath
from app.handlers.json_error import JsonError
from app.handlers.json_http import JsonHandlerConfig


class AdminServiceHandler(StoreHandlerBase):
    """Forgets what a service has handed in; values are checked by that no more."""

    name = "admin-service"

    class Config(JsonHandlerConfig):
        """Options of the `admin-service` section."""

        path: UrlPath = "/admin/api/services/{name}"
        method: HttpMethods = "DELETE"

    @override
    async def act(self, request: Request, register: Register) -> Response:
        who = self.store.writer(request)
        service = name_of(request)
        why = query(request, ForgettingQuery).why
        if not await register.forget(service, who, why):
            raise JsonError(404, "not_found", f"service {service!r} has handed in nothing")
        return JSONResponse({"name": service})
