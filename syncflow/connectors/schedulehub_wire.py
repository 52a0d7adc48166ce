"""What goes over the wire to ScheduleHub and what comes back: bodies made column-wise, answers read into frames."""

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import msgspec
import polars as pl

from syncflow.chunk import DATA, KEY, PARENT, REF, ROWVERSION, UID
from syncflow.connectors.exchange import Answer
from syncflow.connectors.outcomes import UNKNOWN_HASH
from syncflow.errors import PageError
from syncflow.model import TargetTable
from syncflow.protocols import FOUND_SCHEMA, IDENTITY_SCHEMA, WriteState

_SURPLUS_DIGITS = r"(\.\d{6})\d+"
_BRIDGE = {KEY: "erp_key_hash", DATA: "erp_data_hash", ROWVERSION: "erp_rowversion", REF: "erp_ref_str"}
_STATE_OF_CODE = {
    "parent_not_found": WriteState.PARENT_MISSING,
    "duplicate_key": WriteState.KEY_EXISTS,
    "not_found": WriteState.KEY_GONE,
}
_BUSY_CODES = frozenset({"busy", "locked", "timeout"})
FAILURE_SCHEMA = pl.Schema(
    {
        KEY: pl.String,
        UID: pl.String,
        "state": pl.String,
        "field": pl.String,
        "error_type": pl.String,
        "message": pl.String,
        "temporary": pl.Boolean,
    }
)
DELETED_AT = "deleted_at"
RESERVED = frozenset({*_BRIDGE.values(), "uid", "parent_refs", "created_at", "updated_at", DELETED_AT})
"""Members of a record that are ScheduleHub's own; no column can have such a name."""


class _FailedRecord(msgspec.Struct):
    erp_key_hash: str | None = None


class _Failure(msgspec.Struct):
    error: str | None = None
    code: str | None = None
    ref: str | None = None
    uid: str | None = None
    record: _FailedRecord | None = None


class _BatchAnswer(msgspec.Struct):
    success_count: int
    failure_count: int
    failures: list[_Failure]


class _Record(msgspec.Struct):
    uid: str
    erp_key_hash: str
    erp_data_hash: str | None = None
    erp_rowversion: str | int | None = None
    erp_ref_str: str | None = None
    deleted_at: str | None = None


class _Health(msgspec.Struct):
    capabilities: list[str] | None = None


_BATCH_ANSWER = msgspec.json.Decoder(_BatchAnswer)
_RECORDS = msgspec.json.Decoder(list[_Record])
_HEALTH = msgspec.json.Decoder(_Health)


def _record(table: TargetTable) -> list[pl.Expr]:
    """The members of a record. Numbers go as strings, digit for digit; fractions of a second are cut to the six
    digits that a column takes (pipeline, stage 5)."""
    refs = [pl.col(PARENT + ref).alias(ref) for ref, _ in table.parents]
    return [
        *(_member(column.name, column.type) for column in table.columns),
        *(pl.col(name).alias(member) for name, member in _BRIDGE.items()),
        *([pl.struct(refs).alias("parent_refs")] if refs else []),
    ]


def _member(name: str, kind: str) -> pl.Expr:
    if kind == "boolean":
        return (pl.col(name) == "true").alias(name)
    if kind in ("timestamp", "timestamptz"):
        return pl.col(name).str.replace(_SURPLUS_DIGITS, "$1")
    return pl.col(name)


def records_body(table: TargetTable, rows: pl.DataFrame) -> bytes:
    return _listed("records", rows, _record(table))


def updates_body(table: TargetTable, rows: pl.DataFrame, *, revive: bool) -> bytes:
    """Updates by UID; `revive` takes the mark of a soft deletion away."""
    members = [*_record(table), pl.lit(None, dtype=pl.String).alias(DELETED_AT)] if revive else _record(table)
    return _listed("updates", rows, [pl.col(UID).alias("uid"), pl.struct(members).alias("data")])


def soft_delete_body(rows: pl.DataFrame, now: datetime) -> bytes:
    mark = pl.struct(pl.lit(now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")).alias(DELETED_AT))
    return _listed("updates", rows, [pl.col(UID).alias("uid"), mark.alias("data")])


def _listed(envelope: str, rows: pl.DataFrame, members: Sequence[pl.Expr]) -> bytes:
    """Line breaks within texts are escaped in JSON, so those that are left stand between two entries."""
    lines = io.BytesIO()
    rows.select(members).write_ndjson(lines)
    return b'{"%s":[%s]}' % (envelope.encode(), lines.getvalue().removesuffix(b"\n").replace(b"\n", b","))


def read_failures(answer: Answer, sent: int) -> pl.DataFrame:
    """The failed records of a batch, in FAILURE_SCHEMA.

    Raises PageError when the answer cannot be read, or does not account for every record that was sent.
    """
    try:
        read = _BATCH_ANSWER.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(answer.error(f"sent no readable answer: {error} ({answer.excerpt()})")) from error
    if read.success_count + read.failure_count != sent or len(read.failures) != read.failure_count:
        raise PageError(
            answer.error(
                f"accounts for {read.success_count:,} written and {len(read.failures):,} failed records, where "
                f"{sent:,} were sent"
            )
        )
    return pl.DataFrame([_failure(each) for each in read.failures], schema=FAILURE_SCHEMA, orient="row")


def _failure(failed: _Failure) -> tuple[str | None, str | None, str, str | None, str | None, str, bool]:
    key = failed.record.erp_key_hash if failed.record is not None else None
    state = _STATE_OF_CODE.get(failed.code or "", WriteState.REJECTED)
    message = failed.error or "ScheduleHub refuses the record without a reason"
    return key, failed.uid, state, failed.ref, failed.code, message, failed.code in _BUSY_CODES


def read_found(answer: Answer) -> pl.DataFrame:
    """The records of a `batch/query`, in FOUND_SCHEMA and with `deleted_at`. Raises PageError."""
    try:
        records = _RECORDS.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(answer.error(f"sent no readable records: {error} ({answer.excerpt()})")) from error
    return found_frame(records)


def found_frame(records: Iterable[_Record] = ()) -> pl.DataFrame:
    rows = [
        (r.erp_key_hash, r.erp_data_hash or UNKNOWN_HASH, _text(r.erp_rowversion), r.uid, r.erp_ref_str, r.deleted_at)
        for r in records
    ]
    columns = (KEY, DATA, ROWVERSION, UID, REF, DELETED_AT)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame.select(*FOUND_SCHEMA.names(), DELETED_AT)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def read_capabilities(answer: Answer) -> frozenset[str]:
    try:
        return frozenset(_HEALTH.decode(answer.body).capabilities or ())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(answer.error(f"says nothing readable about its health: {error}")) from error


def identity_frame(lines: bytes) -> pl.DataFrame:
    """Some lines of the stream of identities, in IDENTITY_SCHEMA, without softly deleted records.

    Raises PageError when a line is not a record.
    """
    names = {member: name for name, member in _BRIDGE.items() if name != REF}
    schema = dict.fromkeys([*names, "uid", DELETED_AT], pl.String)
    try:
        frame = pl.read_ndjson(io.BytesIO(lines), schema=schema)
    except pl.exceptions.PolarsError as error:
        raise PageError(f"the stream of identities has a line that is not JSON ({error})") from error
    if frame["erp_key_hash"].has_nulls():
        raise PageError("the stream of identities has a record without erp_key_hash")
    alive = frame.filter(pl.col(DELETED_AT).is_null()).rename({**names, "uid": UID})
    return alive.with_columns(pl.col(DATA).fill_null(UNKNOWN_HASH)).select(IDENTITY_SCHEMA.names())
