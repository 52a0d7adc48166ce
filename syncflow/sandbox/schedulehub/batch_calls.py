"""The batch calls over HTTP, in JSON and in Arrow. Their bodies are read in worker threads, side by side."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from syncflow.sandbox.apismith.wires import Wire, negotiate
from syncflow.sandbox.fault_middleware import faults_of
from syncflow.sandbox.faults import Fault
from syncflow.sandbox.schedulehub import arrow
from syncflow.sandbox.schedulehub.answers import batch_answer
from syncflow.sandbox.schedulehub.batches import Batch, without_rejected
from syncflow.sandbox.schedulehub.bodies import Body
from syncflow.sandbox.schedulehub.entity import Entity
from syncflow.sandbox.schedulehub.hub import Hub
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.web import JSON, read_body

_Outcome = tuple[list[Failure], dict[str, int]]
"""The failures, and more counts for the answer."""


@dataclass(frozen=True)
class _Call:
    """One call with a body, as far as it is known before the body is looked into."""

    entity: str
    body: Body
    faults: tuple[Fault, ...]
    answers_arrow: bool


class BatchCalls:
    """`arrow` says whether that capability is offered; `max_body_bytes` is where 413 begins."""

    def __init__(self, hub: Hub, max_body_bytes: int, *, arrow: bool) -> None:
        self._hub = hub
        self._max_body_bytes = max_body_bytes
        self._wires = (Wire.JSON, Wire.ARROW) if arrow else (Wire.JSON,)
        self._streams = (Wire.NDJSON, Wire.ARROW) if arrow else (Wire.NDJSON,)

    async def query(self, request: Request) -> Response:
        return await self._answered(request, self._query)

    async def insert(self, request: Request) -> Response:
        return await self._answered(request, lambda call: self._written(call, Body.records, self._insert))

    async def upsert(self, request: Request) -> Response:
        return await self._answered(request, lambda call: self._written(call, Body.records, self._upsert))

    async def update(self, request: Request) -> Response:
        return await self._answered(request, lambda call: self._written(call, Body.updates, self._update))

    async def delete(self, request: Request) -> Response:
        return await self._answered(request, lambda call: self._written(call, Body.uids, self._delete))

    def answers_identities_in_arrow(self, request: Request) -> bool:
        """Raises ApiError 406 when none of the forms is liked."""
        return negotiate(request.headers.get("accept"), self._streams) is Wire.ARROW

    async def _answered(self, request: Request, answer: Callable[[_Call], Response]) -> Response:
        """Raises ApiError 406, 413 or 415 before the body is looked into."""
        wire = negotiate(request.headers.get("accept"), self._wires)
        content, media_type = await read_body(
            request, [each.media_type for each in self._wires], body_limit(request, self._max_body_bytes)
        )
        body = Body(content, is_arrow=media_type == Wire.ARROW.media_type)
        call = _Call(str(request.path_params["entity"]), body, faults_of(request), wire is Wire.ARROW)
        return await run_in_threadpool(answer, call)

    def _query(self, call: _Call) -> Response:
        key_hashes = call.body.key_hashes()
        if call.answers_arrow:
            found = self._hub.find_columns(call.entity, key_hashes)
            return Response(arrow.write_stream(found), media_type=arrow.MEDIA_TYPE)
        records = self._hub.find(call.entity, key_hashes)
        return Response(b"[" + b",".join(records) + b"]", media_type=JSON)

    def _written(
        self, call: _Call, read: Callable[[Body, Entity], Batch], write: Callable[[Entity, Batch], _Outcome]
    ) -> Response:
        entity = self._hub.entity(call.entity)
        batch = read(call.body, entity)
        rejections = without_rejected(call.faults, batch)
        failures, counts = write(entity, rejections.passed)
        return batch_answer(batch, rejections.all_failures(failures), counts, as_arrow=call.answers_arrow)

    def _insert(self, entity: Entity, batch: Batch) -> _Outcome:
        return self._hub.insert(entity, batch).failures, {}

    def _upsert(self, entity: Entity, batch: Batch) -> _Outcome:
        written = self._hub.upsert(entity, batch)
        return written.failures, {"inserted_count": written.inserted, "updated_count": written.updated}

    def _update(self, entity: Entity, batch: Batch) -> _Outcome:
        return self._hub.update(entity, batch), {}

    def _delete(self, entity: Entity, batch: Batch) -> _Outcome:
        return self._hub.delete(entity, [one.uid for one in batch.at(range(len(batch)))]), {}


def body_limit(request: Request, usual: int) -> int:
    """How many bytes the body of this call may have: `usual`, or what a switch says."""
    return min([usual, *(fault.bytes for fault in faults_of(request) if fault.kind == "too_large")])
