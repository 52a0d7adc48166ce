"""The reference ScheduleHub as an ASGI application."""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
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
from syncflow.sandbox.schedulehub.batches import Rejections, Sent, batch_answer, read_batch
from syncflow.sandbox.schedulehub.hub import Hub
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.tokens import TokenDesk, TokenOptions
from syncflow.sandbox.web import JSON, json_response, read_json, take_members

CAPABILITIES = ("tables", "identities", "upsert")
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
        routes = _Endpoints(self.hub, options.max_body_bytes).routes(offered)
        self.app = build_app("schedulehub", self._parts, routes, capabilities=offered, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, app: object) -> AsyncIterator[None]:  # noqa: ARG002
        yield
        self.hub.close()


class _Endpoints:
    """The calls of version 1 and of the fast path."""

    def __init__(self, hub: Hub, max_body_bytes: int) -> None:
        self._hub = hub
        self._max_body_bytes = max_body_bytes

    def routes(self, capabilities: Sequence[str]) -> list[Route]:
        fast = {
            "tables": Route(f"{PREFIX}/tables/{{entity}}", self.put_table, methods=["PUT"]),
            "identities": Route(f"{PREFIX}/{{entity}}/identities", self.identities),
            "upsert": Route(f"{PREFIX}/{{entity}}/batch/upsert", self.batch_upsert, methods=["POST"]),
        }
        one = f"{PREFIX}/{{entity}}/{{uid}}"
        return [
            *(fast[name] if name in capabilities else _switched_off(fast[name], name) for name in CAPABILITIES),
            Route(f"{PREFIX}/{{entity}}/batch/query", self.batch_query, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}/batch/insert", self.batch_insert, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}/batch/update", self.batch_update, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}/batch/delete", self.batch_delete, methods=["POST"]),
            Route(f"{PREFIX}/{{entity}}", self.find_one),
            Route(f"{PREFIX}/{{entity}}", self.insert_one, methods=["POST"]),
            Route(one, self.update_one, methods=["PATCH"]),
            Route(one, self.delete_one, methods=["DELETE"]),
        ]

    async def put_table(self, request: Request) -> Response:
        body = await self._json(request)
        return json_response(await run_in_threadpool(self._hub.put_table, _entity(request), body))

    async def identities(self, request: Request) -> Response:
        await run_in_threadpool(self._hub.check, _entity(request))
        stream: Iterator[bytes] = self._hub.identities(_entity(request))
        return StreamingResponse(stream, media_type="application/x-ndjson")

    async def batch_query(self, request: Request) -> Response:
        sent = read_batch(await self._json(request), "erp_key_hashes")
        if not all(isinstance(one, str) for one in sent):
            raise ApiError(422, "'erp_key_hashes' must be a list of text.", code="value")
        found = await run_in_threadpool(self._hub.find, _entity(request), cast(list[str], sent))
        return Response(b"[" + b",".join(found) + b"]", media_type=JSON)

    async def batch_insert(self, request: Request) -> Response:
        sent = [Sent(record) for record in read_batch(await self._json(request), "records")]
        rejections = Rejections(faults_of(request), sent)
        written = await run_in_threadpool(self._hub.insert, _entity(request), rejections.passed_data())
        return json_response(batch_answer(sent, rejections.all_failures(written.failures)))

    async def batch_upsert(self, request: Request) -> Response:
        sent = [Sent(record) for record in read_batch(await self._json(request), "records")]
        rejections = Rejections(faults_of(request), sent)
        written = await run_in_threadpool(self._hub.upsert, _entity(request), rejections.passed_data())
        answer = batch_answer(sent, rejections.all_failures(written.failures))
        return json_response({**answer, "inserted_count": written.inserted, "updated_count": written.updated})

    async def batch_update(self, request: Request) -> Response:
        sent = [_update(one) for one in read_batch(await self._json(request), "updates")]
        rejections = Rejections(faults_of(request), sent)
        pairs = [(one.uid, one.data) for one in rejections.passed()]
        failures = await run_in_threadpool(self._hub.update, _entity(request), pairs)
        return json_response(batch_answer(sent, rejections.all_failures(failures)))

    async def batch_delete(self, request: Request) -> Response:
        sent = [Sent(None, uid) for uid in read_batch(await self._json(request), "uids")]
        rejections = Rejections(faults_of(request), sent)
        uids = [one.uid for one in rejections.passed()]
        failures = await run_in_threadpool(self._hub.delete, _entity(request), uids)
        return json_response(batch_answer(sent, rejections.all_failures(failures)))

    async def find_one(self, request: Request) -> Response:
        key_hash = request.query_params.get("erp_key_hash")
        if not key_hash:
            raise ApiError(400, "The query needs 'erp_key_hash'.", code="envelope")
        found = await run_in_threadpool(self._hub.find, _entity(request), [key_hash])
        if not found:
            raise ApiError(404, f"There is no record with the key hash {key_hash}.", code="not_found")
        return Response(found[0], media_type=JSON)

    async def insert_one(self, request: Request) -> Response:
        entity, record = _entity(request), await self._json(request)
        rejections = Rejections(faults_of(request), [Sent(record)])
        written = await run_in_threadpool(self._hub.insert, entity, rejections.passed_data())
        _raise_first(rejections.all_failures(written.failures))
        key_hash = str(cast(dict[str, object], record)["erp_key_hash"])
        created = await run_in_threadpool(self._hub.find, entity, [key_hash])
        return Response(created[0], 201, media_type=JSON)

    async def update_one(self, request: Request) -> Response:
        entity, uid, data = _entity(request), request.path_params["uid"], await self._json(request)
        rejections = Rejections(faults_of(request), [Sent(data, uid)])
        pairs = [(one.uid, one.data) for one in rejections.passed()]
        _raise_first(rejections.all_failures(await run_in_threadpool(self._hub.update, entity, pairs)))
        record = await run_in_threadpool(self._hub.find_by_uid, entity, uid)
        return Response(record or b"null", media_type=JSON)

    async def delete_one(self, request: Request) -> Response:
        uid = request.path_params["uid"]
        rejections = Rejections(faults_of(request), [Sent(None, uid)])
        uids = [one.uid for one in rejections.passed()]
        _raise_first(rejections.all_failures(await run_in_threadpool(self._hub.delete, _entity(request), uids)))
        return json_response({"uid": uid, "deleted": True})

    async def _json(self, request: Request) -> object:
        limits = [fault.bytes for fault in faults_of(request) if fault.kind == "too_large"]
        return await read_json(request, min([self._max_body_bytes, *limits]))


def _entity(request: Request) -> str:
    return str(request.path_params["entity"])


def _update(body: object) -> Sent:
    members = take_members(body, ("uid", "data"))
    return Sent(members["data"], members["uid"])


def _switched_off(route: Route, capability: str) -> Route:
    async def refuse(request: Request) -> Response:  # noqa: ARG001
        raise ApiError(404, f"This ScheduleHub does not offer '{capability}'.", code="capability")

    return Route(route.path, refuse, methods=list(route.methods or ()))


def _raise_first(failures: list[Failure]) -> None:
    for failure in failures:
        members: dict[str, object] = {} if failure.ref is None else {"ref": failure.ref}
        status = _STATUS_OF_CODE.get(failure.code or "", 422)
        raise ApiError(status, failure.error, code=failure.code, members=members)
