"""The reference ScheduleHub as an ASGI application."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from syncflow.sandbox.auth import PREFIX
from syncflow.sandbox.errors import ApiError, SandboxError
from syncflow.sandbox.fault_middleware import faults_of
from syncflow.sandbox.sandbox_app import SandboxParts, build_app
from syncflow.sandbox.schedulehub import arrow
from syncflow.sandbox.schedulehub.batch_calls import BatchCalls, body_limit
from syncflow.sandbox.schedulehub.batches import Batch, Entries, Sent, without_rejected
from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.hub import Hub
from syncflow.sandbox.schedulehub.reads import IDENTITY
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.tokens import TokenDesk, TokenOptions
from syncflow.sandbox.web import JSON, json_response, read_json

CAPABILITIES = ("tables", "identities", "upsert", "arrow")
_STATUS_OF_CODE = {"duplicate_key": 409, "has_children": 409, "not_found": 404}


@dataclass(frozen=True)
class ScheduleHubOptions:
    """`capabilities` are those of the fast path that are offered; `max_body_bytes` is where 413 begins."""

    capabilities: Collection[str] = CAPABILITIES
    max_body_bytes: int = 256 * 1024 * 1024
    tables_file: Path | None = None


class ScheduleHub:
    """`app` serves; `hub`, `faults` and `calls` are for use in the same process. Connects when it is made: SandboxError
    when the database is not to be had, the tables file is wrong or a capability is unknown."""

    def __init__(
        self,
        database_url: str,
        schema: str = "public",
        *,
        options: ScheduleHubOptions | None = None,
        tokens: TokenOptions | None = None,
    ) -> None:
        options = options or ScheduleHubOptions()
        unknown = sorted(set(options.capabilities) - set(CAPABILITIES))
        if unknown:
            raise SandboxError(f"Unknown capability '{unknown[0]}'; known are: {', '.join(CAPABILITIES)}, or none.")
        self.hub = Hub(database_url, schema)
        if options.tables_file is not None:
            self.hub.read_tables_file(options.tables_file)
        self._parts = SandboxParts(TokenDesk("schedulehub", tokens or TokenOptions()))
        self.faults = self._parts.faults
        self.calls = self._parts.calls
        self.desk = self._parts.desk
        offered = [name for name in CAPABILITIES if name in options.capabilities]
        routes = _Endpoints(self.hub, options.max_body_bytes, offered).routes()
        self.app = build_app("schedulehub", self._parts, routes, capabilities=offered, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: object) -> AsyncIterator[None]:  # noqa: ARG002
        yield
        self.hub.close()


class _Endpoints:
    """The calls of version 1 and of the fast path, as far as it is offered."""

    def __init__(self, hub: Hub, max_body_bytes: int, offered: Collection[str]) -> None:
        self._hub = hub
        self._max_body_bytes = max_body_bytes
        self._offered = offered
        self._batches = BatchCalls(hub, max_body_bytes, arrow="arrow" in offered)

    def routes(self) -> list[Route]:
        fast = {
            "tables": Route(f"{PREFIX}/tables/{{entity}}", self.put_table, methods=["PUT"]),
            "identities": Route(f"{PREFIX}/{{entity}}/identities", self.identities),
            "upsert": Route(f"{PREFIX}/{{entity}}/batch/upsert", self._batches.upsert, methods=["POST"]),
        }
        one = f"{PREFIX}/{{entity}}/{{uid}}"
        return [
            *(route if name in self._offered else _switched_off(route, name) for name, route in fast.items()),
            Route(f"{PREFIX}/{{entity}}/batch/query", self._batches.query, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}/batch/insert", self._batches.insert, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}/batch/update", self._batches.update, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}/batch/delete", self._batches.delete, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}", self.find_one),
            Route(f"{PREFIX}/{{entity}}", self.insert_one, methods=["POST"]),
            Route(one, self.update_one, methods=["PATCH"]),
            Route(one, self.delete_one, methods=["DELETE"]),
        ]

    async def put_table(self, request: Request) -> Response:
        body = await self._json(request)
        return json_response(await run_in_threadpool(self._hub.put_table, _entity(request), body))

    async def identities(self, request: Request) -> Response:
        name = _entity(request)
        as_arrow = self._batches.answers_identities_in_arrow(request)
        await run_in_threadpool(self._hub.entity, name)
        if as_arrow:
            pieces = arrow.write_in_pieces(self._hub.identity_frames(name), IDENTITY)
            return StreamingResponse(pieces, media_type=arrow.MEDIA_TYPE)
        return StreamingResponse(self._hub.identities(name), media_type="application/x-ndjson")

    async def find_one(self, request: Request) -> Response:
        key_hash = request.query_params.get("erp_key_hash")
        if not key_hash:
            raise ApiError(400, "The query needs 'erp_key_hash'.", code="envelope")
        found = await run_in_threadpool(self._hub.find, _entity(request), [key_hash])
        if not found:
            raise ApiError(404, f"There is no record with the key hash {key_hash}.", code="not_found")
        return Response(found[0], media_type=JSON)

    async def insert_one(self, request: Request) -> Response:
        name, record = _entity(request), await self._json(request)
        await self._write_one(request, Sent(record), lambda entity, batch: self._hub.insert(entity, batch).failures)
        key_hash = str(cast(dict[str, object], record)["erp_key_hash"])
        created = await run_in_threadpool(self._hub.find, name, [key_hash])
        return Response(created[0], 201, media_type=JSON)

    async def update_one(self, request: Request) -> Response:
        uid, data = request.path_params["uid"], await self._json(request)
        await self._write_one(request, Sent(data, uid), self._hub.update)
        record = await run_in_threadpool(self._hub.find_by_uid, _entity(request), uid)
        return Response(record or b"null", media_type=JSON)

    async def delete_one(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        await self._write_one(
            request, Sent(None, uid), lambda entity, batch: self._hub.delete(entity, [uid] * len(batch))
        )
        return json_response({"uid": uid, "deleted": True})

    async def _write_one(self, request: Request, sent: Sent, write: Callable[[Entity, Batch], list[Failure]]) -> None:
        """Raises ApiError when the entry is refused."""
        entity = await run_in_threadpool(self._hub.entity, _entity(request))
        rejections = without_rejected(faults_of(request), Entries([sent]))
        failures = await run_in_threadpool(write, entity, rejections.passed)
        _raise_first(rejections.all_failures(failures))

    async def _json(self, request: Request) -> object:
        return await read_json(request, body_limit(request, self._max_body_bytes))


def _entity(request: Request) -> str:
    return str(request.path_params["entity"])


def _switched_off(route: Route, capability: str) -> Route:
    async def refuse(request: Request) -> Response:  # noqa: ARG001
        raise ApiError(404, f"This ScheduleHub does not offer '{capability}'.", code="capability")

    return Route(route.path, refuse, methods=list(route.methods or ()))


def _raise_first(failures: list[Failure]) -> None:
    for failure in failures:
        members: dict[str, object] = {} if failure.ref is None else {"ref": failure.ref}
        status = _STATUS_OF_CODE.get(failure.code or "", 422)
        raise ApiError(status, failure.error, code=failure.code, members=members)
