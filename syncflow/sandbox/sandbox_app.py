"""What both sandbox servers are made of: routes, the bearer check, control calls, and faults around it all."""

from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from syncflow.sandbox.auth import PREFIX, BearerMiddleware, auth_routes
from syncflow.sandbox.calls import CallCounter
from syncflow.sandbox.control import LoopbackMiddleware, control_routes
from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.fault_middleware import FaultMiddleware
from syncflow.sandbox.faults import FaultBoard
from syncflow.sandbox.tokens import TokenDesk
from syncflow.sandbox.web import error_response, handle_api_error, json_response

VERSION = "1.0.0"


class SandboxParts:
    """The switches and counters of one server."""

    def __init__(self, desk: TokenDesk) -> None:
        self.desk = desk
        self.faults = FaultBoard()
        self.calls = CallCounter()


def build_app(
    service: str,
    parts: SandboxParts,
    routes: Sequence[BaseRoute],
    *,
    capabilities: Sequence[str] | None = None,
    lifespan: Any = None,
) -> ASGIApp:
    """The whole application of one service. `capabilities` of None leaves the member out of /health."""
    app = Starlette(
        routes=[
            _health_route(service, capabilities),
            *auth_routes(parts.desk),
            *control_routes(parts.faults, parts.calls),
            *routes,
        ],
        middleware=[Middleware(LoopbackMiddleware), Middleware(BearerMiddleware, desk=parts.desk)],
        exception_handlers={ApiError: handle_api_error, 404: _not_found, 405: _not_allowed},
        lifespan=lifespan,
    )
    return FaultMiddleware(
        app, parts.faults, parts.calls, lambda refresh: parts.desk.expire_all(refresh_tokens=refresh)
    )


def _health_route(service: str, capabilities: Sequence[str] | None) -> Route:
    body: dict[str, object] = {"status": "healthy", "service": service, "version": VERSION}
    if capabilities is not None:
        body["capabilities"] = list(capabilities)

    async def health(request: Request) -> Response:  # noqa: ARG001
        return json_response(body)

    return Route(f"{PREFIX}/health", health)


async def _not_found(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return error_response(ApiError(404, f"There is no call {request.url.path}.", code="unknown_call"))


async def _not_allowed(request: Request, error: Exception) -> Response:  # noqa: ARG001
    return error_response(ApiError(405, f"{request.url.path} does not take {request.method}.", code="method"))
