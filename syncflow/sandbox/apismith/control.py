"""Control calls of the reference APISmith: a day of business, changed rows, whole tables."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TypeVar, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncflow.sandbox.apismith.definition import parse_definition
from syncflow.sandbox.apismith.service import ApiSmithService
from syncflow.sandbox.apismith.table import BareToken, table_from_rows
from syncflow.sandbox.control import CONTROL_PREFIX
from syncflow.sandbox.errors import ApiError, SandboxError
from syncflow.sandbox.web import json_response, take_members

_Rows = list[dict[str, object]]
T = TypeVar("T")


def apismith_control_routes(service: ApiSmithService) -> list[Route]:
    """POST /control/advance-day, POST /control/rows/{slug}, PUT /control/tables/{slug}."""

    async def advance_day(request: Request) -> Response:  # noqa: ARG001
        report = await _told(service.advance_day)
        return json_response({"day": service.day, "tables": {slug: asdict(one) for slug, one in report.items()}})

    async def rows(request: Request) -> Response:
        members = take_members(_exact_json(await request.body()), (), ("upserts", "deletes"))
        upserts, deletes = _row_list(members, "upserts"), _row_list(members, "deletes")
        slug = request.path_params["slug"]
        await _told(lambda: service.change_rows(slug, upserts, deletes))
        return json_response({"upserts": len(upserts), "deletes": len(deletes)})

    async def table(request: Request) -> Response:
        members = take_members(_exact_json(await request.body()), ("definition",), ("rows",))
        made = await _told(lambda: table_from_rows(parse_definition(members["definition"]), _row_list(members, "rows")))
        if made.definition.slug != request.path_params["slug"]:
            raise ApiError(422, f"The definition is of '{made.definition.slug}'.", code="value")
        service.publish(made)
        return json_response({"rows": made.texts.height})

    return [
        Route(f"{CONTROL_PREFIX}/advance-day", advance_day, methods=["POST"]),
        Route(f"{CONTROL_PREFIX}/rows/{{slug}}", rows, methods=["POST"]),
        Route(f"{CONTROL_PREFIX}/tables/{{slug}}", table, methods=["PUT"]),
    ]


async def _told(work: Callable[[], T]) -> T:
    """Run in a thread; what a person has to change comes back as 422."""
    try:
        return await run_in_threadpool(work)
    except SandboxError as error:
        raise ApiError(422, str(error), code="value") from error


def _exact_json(body: bytes) -> object:
    """JSON in which every number is a BareToken, so that it is served digit for digit as it was given."""
    try:
        return cast(object, json.loads(body, parse_float=BareToken, parse_int=BareToken))
    except ValueError as error:
        raise ApiError(400, f"The body is not JSON: {error}.", code="not_json") from error


def _row_list(members: dict[str, object], name: str) -> _Rows:
    rows = members.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ApiError(422, f"'{name}' must be a list of objects.", code="value")
    return rows
