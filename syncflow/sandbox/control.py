"""The control calls that both neighbours have, under `/control`, answered to this machine alone."""

from ipaddress import ip_address

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from syncflow.sandbox.calls import CallCounter
from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.faults import Fault, FaultBoard
from syncflow.sandbox.web import error_response, json_response, read_json, take_members

CONTROL_PREFIX = "/control"


def control_routes(board: FaultBoard, calls: CallCounter) -> list[Route]:
    """GET, POST and DELETE /control/faults; GET and DELETE (set to zero) /control/calls."""

    async def faults(request: Request) -> Response:
        if request.method == "DELETE":
            board.clear()
        elif request.method == "POST":
            board.add(*_read_faults(await read_json(request)))
        return json_response({"faults": [msgspec.to_builtins(fault) for fault in board.list()]})

    async def counters(request: Request) -> Response:
        if request.method == "DELETE":
            calls.reset()
        return json_response(calls.snapshot())

    return [
        Route(f"{CONTROL_PREFIX}/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route(f"{CONTROL_PREFIX}/calls", counters, methods=["GET", "DELETE"]),
    ]


class LoopbackMiddleware:
    """Refuses control calls from another machine with 403."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        control = scope["type"] == "http" and scope["path"].startswith(CONTROL_PREFIX)
        if control and not _is_loopback(scope.get("client")):
            refused = ApiError(403, "Control calls are taken from this machine alone.", code="not_loopback")
            await error_response(refused)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_loopback(client: tuple[str, int] | None) -> bool:
    try:
        return client is not None and ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _read_faults(body: object) -> list[Fault]:
    """One fault, or several as `{"faults": [..]}`."""
    several = take_members(body, ("faults",))["faults"] if isinstance(body, dict) and "faults" in body else [body]
    try:
        return msgspec.convert(several, list[Fault], strict=False)
    except msgspec.ValidationError as error:
        raise ApiError(422, f"This is no fault: {error}.", code="value") from error
