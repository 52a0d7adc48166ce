"""What goes over the wire to ScheduleHub and what comes back, in columns, and its JSON forms."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import numpy as np
import polars as pl

from syncflow.chunk import DATA, KEY, PARENT, REF, ROWVERSION, UID
from syncflow.connectors.exchange import Answer
from syncflow.connectors.outcomes import UNKNOWN_HASH
from syncflow.errors import PageError
from syncflow.i18n.texts import Text
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
FAILED_AT = "@failed_at"
"""UInt32: where a record that failed stands in its request, where the answer says so."""
DELETED_AT = "deleted_at"
RESERVED = frozenset({*_BRIDGE.values(), "uid", "parent_refs", "created_at", "updated_at", DELETED_AT})
"""Members of a record that are ScheduleHub's own; no column can have such a name."""
_IDENTITY = {"uid": UID, **{member: name for name, member in _BRIDGE.items() if name != REF}, DELETED_AT: DELETED_AT}


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


@dataclass(frozen=True)
class Entries:
    """The entries of a batch call: a column for each of their members, a struct for an object. In JSON they stand
    under `name`; where `bare`, the one column's values stand there by themselves."""

    name: str
    columns: pl.DataFrame
    bare: bool = False

    def as_json(self) -> bytes:
        """Line breaks within texts are escaped in JSON, so those that are left stand between two entries."""
        if self.bare:
            return msgspec.json.encode({self.name: self.columns.to_series().to_list()})
        body = io.BytesIO()
        body.write(b'{"%s":[' % self.name.encode())
        self.columns.write_ndjson(body)
        if self.columns.height:
            _turn_line_breaks_to_commas(body)
            body.seek(-1, io.SEEK_END)
        body.write(b"]}")
        return body.getvalue()


def _turn_line_breaks_to_commas(body: io.BytesIO) -> None:
    """In place: a body has some megabytes, and several are under way at once."""
    with body.getbuffer() as buffer:
        text = np.frombuffer(buffer, np.uint8)
        text[text == ord("\n")] = ord(",")
        del text  # it holds on to the buffer


def records(table: TargetTable, rows: pl.DataFrame) -> Entries:
    return Entries("records", rows.select(_record(table)))


def updates(table: TargetTable, rows: pl.DataFrame, *, revive: bool = False) -> Entries:
    """Updates by UID; `revive` takes the mark of a soft deletion away."""
    members = [*_record(table), pl.lit(None, dtype=pl.String).alias(DELETED_AT)] if revive else _record(table)
    return Entries("updates", rows.select(pl.col(UID).alias("uid"), pl.struct(members).alias("data")))


def soft_deletions(rows: pl.DataFrame, now: datetime) -> Entries:
    mark = pl.struct(pl.lit(now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")).alias(DELETED_AT))
    return Entries("updates", rows.select(pl.col(UID).alias("uid"), mark.alias("data")))


def deletions(rows: pl.DataFrame) -> Entries:
    return Entries("uids", rows.select(pl.col(UID).alias("uid")), bare=True)


def queried(keys: pl.Series) -> Entries:
    return Entries("erp_key_hashes", pl.DataFrame([keys.alias("erp_key_hash")]), bare=True)


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


def read_failures(answer: Answer, sent: int) -> pl.DataFrame:
    """The failed records of a batch, as `failure_frame` has them, by KEY or UID.

    Raises PageError when the answer cannot be read, or does not account for every record that was sent.
    """
    try:
        read = _BATCH_ANSWER.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(
            answer.error(Text("sent no readable answer: {error} ({excerpt})", error=error, excerpt=answer.excerpt()))
        ) from error
    accounted(answer, sent, read.success_count, read.failure_count, len(read.failures))
    told = [
        (each.record.erp_key_hash if each.record is not None else None, each.uid, each.error, each.code, each.ref)
        for each in read.failures
    ]
    schema = dict.fromkeys((KEY, UID, "error", "code", "ref"), pl.String)
    return failure_frame(pl.DataFrame(told, schema=schema, orient="row"))


def accounted(answer: Answer, sent: int, written: int, failed: int, told: int) -> None:
    """Raises PageError when the counts of a batch's answer do not account for every record."""
    if written + failed != sent or told != failed:
        raise PageError(
            answer.error(
                Text(
                    "accounts for {written} written and {told} failed records, where {sent} were sent",
                    written=written,
                    told=told,
                    sent=sent,
                )
            )
        )


def failure_frame(told: pl.DataFrame) -> pl.DataFrame:
    """OUTCOME_SCHEMA but for ROW, from `error`, `code` and `ref`, beside the columns that say which record is meant."""
    code = pl.col("code")
    return told.select(
        pl.exclude("error", "code", "ref"),
        code.replace_strict(_STATE_OF_CODE, default=WriteState.REJECTED, return_dtype=pl.String).alias("state"),
        pl.col("ref").alias("field"),
        code.alias("error_type"),
        pl.col("error").fill_null("ScheduleHub refuses the record without a reason").alias("message"),
        code.is_in(_BUSY_CODES).fill_null(False).alias("temporary"),
    )


def read_found(answer: Answer) -> pl.DataFrame:
    """The records of a `batch/query`, as `found_columns` has them. Raises PageError."""
    try:
        found = _RECORDS.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(
            answer.error(Text("sent no readable records: {error} ({excerpt})", error=error, excerpt=answer.excerpt()))
        ) from error
    columns = {
        "uid": [each.uid for each in found],
        "erp_key_hash": [each.erp_key_hash for each in found],
        "erp_data_hash": [each.erp_data_hash for each in found],
        "erp_rowversion": [_text(each.erp_rowversion) for each in found],
        "erp_ref_str": [each.erp_ref_str for each in found],
        DELETED_AT: [each.deleted_at for each in found],
    }
    return found_columns(answer, pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String)))


def found_columns(answer: Answer, found: pl.DataFrame) -> pl.DataFrame:
    """Records in FOUND_SCHEMA and with `deleted_at`. Raises PageError where one does not say what it is."""
    names = {"uid": UID, **{member: name for name, member in _BRIDGE.items()}, DELETED_AT: DELETED_AT}
    try:
        frame = _named(found, names)
    except pl.exceptions.PolarsError as error:
        raise PageError(answer.error(Text("sent records with values of wrong types ({error})", error=error))) from error
    if frame[KEY].has_nulls() or frame[UID].has_nulls():
        raise PageError(answer.error(Text("sent records without uid or erp_key_hash")))
    return frame.select(*FOUND_SCHEMA.names(), DELETED_AT)


def no_records() -> pl.DataFrame:
    return pl.DataFrame(schema={**FOUND_SCHEMA, DELETED_AT: pl.String})


def _named(read: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """Members under our names, as text; NULL for those that are missing, a hash that no row has for no data hash."""
    frame = read.select(
        (pl.col(member) if member in read.columns else pl.lit(None)).cast(pl.String).alias(name)
        for member, name in names.items()
    )
    has_hash = pl.col(DATA) != ""
    return frame.with_columns(pl.when(has_hash).then(DATA).otherwise(pl.lit(UNKNOWN_HASH)).alias(DATA))


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def read_capabilities(answer: Answer) -> frozenset[str]:
    try:
        return frozenset(_HEALTH.decode(answer.body).capabilities or ())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(answer.error(Text("says nothing readable about its health: {error}", error=error))) from error


def identity_frame(lines: bytes) -> pl.DataFrame:
    """Some lines of the stream of identities, in IDENTITY_SCHEMA, without softly deleted records.

    Raises PageError when a line is not a record.
    """
    schema = dict.fromkeys(_IDENTITY, pl.String)
    try:
        frame = pl.read_ndjson(io.BytesIO(lines), schema=schema)
    except pl.exceptions.PolarsError as error:
        raise PageError("the stream of identities has a line that is not JSON ({error})", error=error) from error
    return identity_columns(frame)


def identity_columns(read: pl.DataFrame) -> pl.DataFrame:
    """The same from columns. Raises PageError for a record without a key hash or with values of another kind."""
    try:
        frame = _named(read, _IDENTITY)
    except pl.exceptions.PolarsError as error:
        raise PageError("the stream of identities has values of wrong types ({error})", error=error) from error
    if frame[KEY].has_nulls():
        raise PageError("the stream of identities has a record without erp_key_hash")
    return frame.filter(pl.col(DELETED_AT).is_null()).select(IDENTITY_SCHEMA.names())
