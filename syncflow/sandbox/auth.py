"""Login, refresh and the bearer check, once for both neighbours."""

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.tokens import TokenDesk
from syncflow.sandbox.web import error_response, json_response, read_json, take_members

PREFIX = "/api/v1"
LOGIN_PATH = f"{PREFIX}/auth/login"
REFRESH_PATH = f"{PREFIX}/auth/refresh"
OPEN_PATHS = frozenset({f"{PREFIX}/health", LOGIN_PATH, REFRESH_PATH})


def auth_routes(desk: TokenDesk) -> list[Route]:
    """The two calls that need no token."""

    async def login(request: Request) -> Response:
        body = take_members(await read_json(request), ("username", "password"))
        return json_response(desk.login(_text(body, "username"), _text(body, "password")))

    async def refresh(request: Request) -> Response:
        body = take_members(await read_json(request), ("refresh_token",))
        return json_response(desk.refresh(_text(body, "refresh_token")))

    return [Route(LOGIN_PATH, login, methods=["POST"]), Route(REFRESH_PATH, refresh, methods=["POST"])]


class BearerMiddleware:
    """Lets only requests with a valid bearer token through to `/api/v1`; 401 otherwise."""

    def __init__(self, app: ASGIApp, desk: TokenDesk) -> None:
        self._app = app
        self._desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX) and scope["path"] not in OPEN_PATHS:
            try:
                self._check(Headers(scope=scope).get("authorization", ""))
            except ApiError as error:
                await error_response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, header: str) -> None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise ApiError(401, "A bearer token is needed: log in first.", code="token_missing")
        self._desk.check(token.strip())


def _text(body: dict[str, object], name: str) -> str:
    value = body[name]
    if not isinstance(value, str):
        raise ApiError(422, f"The member '{name}' must be text.", code="value")
    return value
