"""The answers to batch calls, as JSON or as Arrow streams."""

from collections.abc import Sequence

import polars as pl
from starlette.responses import Response

from syncflow.sandbox.schedulehub import arrow
from syncflow.sandbox.schedulehub.batches import Batch, Sent
from syncflow.sandbox.schedulehub.staging import Failure
from syncflow.sandbox.web import json_response

_FAILURES = pl.Schema(
    {"position": pl.UInt32, **dict.fromkeys(("uid", "erp_key_hash", "error", "code", "ref"), pl.String)}
)


def batch_answer(batch: Batch, failures: Sequence[Failure], counts: dict[str, int], *, as_arrow: bool) -> Response:
    """What became of a batch; `counts` are more counts by their names in JSON (`inserted_count`)."""
    failed = batch.at([failure.position for failure in failures])
    all_counts = {"success_count": len(batch) - len(failures), "failure_count": len(failures), **counts}
    if as_arrow:
        headers = {_header(name): str(count) for name, count in all_counts.items()}
        rows = [_row(entry, failure) for entry, failure in zip(failed, failures, strict=True)]
        stream = arrow.write_stream(pl.DataFrame(rows, schema=_FAILURES, orient="row"))
        return Response(stream, headers=headers, media_type=arrow.MEDIA_TYPE)
    told = [_told(entry, failure) for entry, failure in zip(failed, failures, strict=True)]
    return json_response({**all_counts, "failures": told})


def _header(name: str) -> str:
    return "X-" + "-".join(word.capitalize() for word in name.split("_"))


def _row(entry: Sent, failure: Failure) -> tuple[int, str | None, str | None, str, str | None, str | None]:
    key_hash = entry.data.get("erp_key_hash") if isinstance(entry.data, dict) else None
    return failure.position, _text(entry.uid), _text(key_hash), failure.error, failure.code, failure.ref


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _told(entry: Sent, failure: Failure) -> dict[str, object]:
    members: dict[str, object] = {"error": failure.error}
    if entry.uid is not None:
        members["uid"] = entry.uid
    if entry.data is not None:
        members["record"] = entry.data
    if failure.code is not None:
        members["code"] = failure.code
    if failure.ref is not None:
        members["ref"] = failure.ref
    return members
