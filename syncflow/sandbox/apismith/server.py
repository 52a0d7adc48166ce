"""The reference APISmith as an ASGI application."""

from collections.abc import Collection, Iterable, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncflow.sandbox.apismith.control import apismith_control_routes
from syncflow.sandbox.apismith.drift import drifted
from syncflow.sandbox.apismith.runtime import Runtime
from syncflow.sandbox.apismith.service import ApiSmithService, Business
from syncflow.sandbox.apismith.table import Table
from syncflow.sandbox.apismith.wires import ALL_WIRES, Wire, negotiate
from syncflow.sandbox.auth import PREFIX
from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.fault_middleware import faults_of
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.sandbox_app import SandboxParts, build_app
from syncflow.sandbox.tokens import TokenDesk, TokenOptions
from syncflow.sandbox.web import json_response, read_json

_MAX_LIST_PAGE = 1000


class ApiSmith:
    """`app` serves; `service`, `faults` and `calls` are what the control calls reach, for use in the same process.
    `wires` are the forms of a page that it offers."""

    def __init__(
        self,
        tables: Iterable[Table] = (),
        *,
        business: Business | None = None,
        tokens: TokenOptions | None = None,
        wires: Collection[Wire] = ALL_WIRES,
    ) -> None:
        self._parts = SandboxParts(TokenDesk("apismith", tokens or TokenOptions()))
        self.service = ApiSmithService(tables, business)
        self.faults = self._parts.faults
        self.calls = self._parts.calls
        self.desk = self._parts.desk
        routes = [*_routes(self.service, wires), *apismith_control_routes(self.service)]
        self.app = build_app("apismith", self._parts, routes)


def _routes(service: ApiSmithService, wires: Collection[Wire]) -> list[Route]:
    runtime = Runtime(service.catalog)

    async def connectors(request: Request) -> Response:  # noqa: ARG001
        uids = dict.fromkeys(str(body["connector_uid"]) for body in _bodies(service) if body.get("connector_uid"))
        return json_response([{"uid": uid, "name": uid, "type": "oracle", "is_active": True} for uid in uids])

    async def apis(request: Request) -> Response:
        page, page_size = _list_number(request, "page", 1), _list_number(request, "page_size", 50)
        bodies = _bodies(service, faults_of(request))
        return json_response(
            {
                "items": bodies[(page - 1) * page_size : page * page_size],
                "total": len(bodies),
                "page": page,
                "page_size": page_size,
                "total_pages": -(-len(bodies) // page_size),
            }
        )

    async def by_slug(request: Request) -> Response:
        slug = request.path_params["slug"]
        published = service.catalog.find(slug)
        if published is None:
            raise ApiError(404, f"There is no API '{slug}'.", code="unknown_api")
        return json_response(drifted(published, faults_of(request)).table.definition.body)

    async def execute(request: Request) -> Response:
        wire = negotiate(request.headers.get("accept"), wires)
        body = await read_json(request)
        slug = request.path_params["slug"]
        answer = await run_in_threadpool(runtime.execute, slug, body, faults_of(request), wire)
        return Response(answer.body, headers=dict(answer.headers), media_type=answer.wire.media_type)

    return [
        Route(f"{PREFIX}/connectors", connectors),
        Route(f"{PREFIX}/apis", apis),
        Route(f"{PREFIX}/apis/slug/{{slug}}", by_slug),
        Route(f"{PREFIX}/runtime/{{slug}}/execute", execute, methods=["POST"]),
    ]


def _bodies(service: ApiSmithService, faults: Iterable[Fault] = ()) -> list[Mapping[str, object]]:
    return [drifted(published, faults).table.definition.body for published in service.catalog.all()]


def _list_number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= (_MAX_LIST_PAGE if name == "page_size" else 10**9)):
        raise ApiError(422, f"'{name}' must be a whole number from 1, not {text!r}.", code="value")
    return int(text)
