"""ScheduleHub over HTTP as a Target: version 1 alone does everything, its capabilities make it faster."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import IO

import msgspec
import polars as pl

from syncflow.chunk import KEY, OPERATION, ROW, UID, Operation
from syncflow.connectors import schedulehub_arrow as arrow
from syncflow.connectors import schedulehub_wire as wire
from syncflow.connectors.exchange import Answer, Call, ExchangeError
from syncflow.connectors.http import HttpClient, whole
from syncflow.connectors.outcomes import done, outcome, together
from syncflow.connectors.retrying import StopCheck
from syncflow.connectors.schedulehub_sending import Refused, Sent, TooLarge, send_in_parts, without_rows
from syncflow.connectors.schedulehub_values import read_values
from syncflow.connectors.waves import waves
from syncflow.errors import ConfigurationError, PageError, UnavailableError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.identities import Identities
from syncflow.model import DriftMode, TargetTable
from syncflow.protocols import DELETE_SCHEMA, FOUND_SCHEMA, OUTCOME_SCHEMA, Rehearsal, WriteState

_ASKED_AT_ONCE = 10_000
_AT_ONCE = 2
_NDJSON = "application/x-ndjson"
_FRAME_BYTES = 12 * 1024 * 1024
_LOOKED_UP = "@looked_up"
_REFUSED_WHOLE = frozenset({400, 409, 422})
_HANDLED = _REFUSED_WHOLE | {404, 413}
_DELETED, _KEPT, _IN_DOUBT = "deleted", "refused", "unknown"


_NO_SUCH_ENTITY = frozenset({400, 404, 422})


class ScheduleHub:
    """Keeps the promises of `protocols.Target`; thread-safe. A request has at most `max_batch_size` records; those of
    one `write` go over two connections at once."""

    def __init__(self, client: HttpClient, max_batch_size: int = 10_000) -> None:
        self._client = client
        self._max_batch_size = max_batch_size
        self._batch_sizes: dict[str, int] = {}
        self._lock = threading.Lock()
        self._capabilities: frozenset[str] | None = None
        self._refused_arrow = False

    @property
    def name(self) -> str:
        return self._client.name

    @property
    def lists_identities(self) -> bool:
        return "identities" in self.capabilities

    @property
    def capabilities(self) -> frozenset[str]:
        """What `GET /health` offers; asked once."""
        with self._lock:
            if self._capabilities is None:
                call = Call("GET", "/health", Text("Asking for its capabilities"))
                self._capabilities = self._client.anonymous(call, wire.read_capabilities)
            return self._capabilities

    def check(self) -> str:
        """One call of `health` and one that needs the login; that there is no such entity is a good answer."""
        told = self._client.health()
        body = b'{"erp_key_hashes": []}'
        call = Call(
            "POST", "/syncflow_check/batch/query", Text("Testing the login"), body=body, expected=_NO_SUCH_ENTITY
        )
        self._client.call(call, whole)
        return told

    def clock(self) -> datetime | None:
        """What time it is there; None where it does not say."""
        return self._client.clock()

    def offers(self) -> frozenset[str]:
        """The capabilities of the fast path."""
        return self.capabilities

    def keeps_keys_once(self, entity: str) -> bool | None:  # noqa: ARG002 - it is the same for all
        """Whether no `erp_key_hash` can stand twice: where ScheduleHub makes the table itself. None: it cannot be told
        from here."""
        return True if "tables" in self.capabilities else None

    def close(self) -> None:
        self._client.close()

    def until(self, should_stop: StopCheck) -> "ScheduleHub":
        same = copy(self)
        same._client = self._client.until(should_stop)
        return same

    def evict(self, worker: str) -> None:
        """Requests end by themselves; what they wrote is read back."""

    def prepare(self, table: TargetTable, drift: DriftMode) -> tuple[str, ...]:
        """Without the capability `tables` the table is ScheduleHub's own affair, and only has to be there. A frozen
        table that is there is left as it is."""
        _check_names(table)
        there = self._table_answers(table.entity)
        if "tables" not in self.capabilities or (there and drift is DriftMode.FREEZE):
            if not there:
                raise self._no_table(table.entity)
            return ()
        call = Call(
            "PUT",
            f"/tables/{table.entity}",
            Text("Preparing the table {table}", table=table.entity),
            body=msgspec.json.encode(_table_body(table)),
            expected=_REFUSED_WHOLE,
        )
        answer = self._client.call(call, whole)
        if not answer.is_success:
            raise ConfigurationError(
                "{neighbour} cannot take the columns of {entity}: {excerpt}. "
                "Widen the column there, or map the field to another name.",
                neighbour=self._client.said,
                entity=table.entity,
                excerpt=answer.excerpt(),
            )
        return () if there else (f"ScheduleHub made the table {table.entity}.",)

    def rehearse(self, table: TargetTable, drift: DriftMode) -> Rehearsal:  # noqa: ARG002 - as `prepare` takes it
        """Which columns ScheduleHub would add, only ScheduleHub knows."""
        _check_names(table)
        there = self._table_answers(table.entity)
        if not there and table.columns and "tables" not in self.capabilities:
            raise self._no_table(table.entity)
        return Rehearsal(exists=there)

    def finish_load(self, table: TargetTable) -> int:  # noqa: ARG002 - ScheduleHub keeps its indexes itself
        return 0

    def identities(self, table: TargetTable, *, with_rowversion: bool) -> Iterator[Identities]:
        """Spooled to a temporary file first: a stream that is cut short is asked for again, never taken for whole."""
        call = Call(
            "GET",
            f"/{table.entity}/identities",
            Text("Listing the rows of {table}", table=table.entity),
            accept=f"{arrow.MEDIA_TYPE}, {_NDJSON};q=0.9" if self._speaks_arrow else _NDJSON,
            expected=frozenset({404}),
        )
        with _spooling(call), tempfile.TemporaryFile() as spool:
            answer = self._client.download(call, lambda: _emptied(spool).write)
            if answer.status == 404:
                raise self._no_table(table.entity)
            _check_stream(answer)
            spool.seek(0)
            for frame in arrow.identity_frames(spool) if _is_arrow(answer) else _ndjson_frames(spool):
                yield Identities.of(frame, with_rowversion=with_rowversion)

    def find(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        found = self._query(table.entity, keys)
        return found.filter(pl.col(wire.DELETED_AT).is_null()).select(FOUND_SCHEMA.names())

    def values(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        call = Call("POST", f"/{table.entity}/batch/query", Text("Looking at rows of {table}", table=table.entity))
        asked = replace(call, body=wire.queried(keys).as_json())
        return self._client.call(asked, lambda answer: read_values(answer, table))

    def deleted_at(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        found = self._query(table.entity, keys).filter(pl.col(wire.DELETED_AT).is_not_null())
        return found.select(KEY, pl.col(wire.DELETED_AT).alias("deleted_at"))

    def living_children(self, table: TargetTable, keys: pl.Series) -> None:
        """Version 1 and its capabilities have no question for it."""

    def write(self, table: TargetTable, rows: pl.DataFrame) -> pl.DataFrame:
        """Of two rows of the same key the later one is sent when the earlier one was answered."""
        upsert = "upsert" in self.capabilities
        at_once = _AT_ONCE if rows[KEY].n_unique() == rows.height else 1
        outcomes: list[pl.DataFrame] = []
        for wave in waves(table, rows):
            if upsert:
                outcomes.append(self._send(table, wave, "upsert", at_once))
                continue
            outcomes += self._insert(table, wave.filter(pl.col(OPERATION) == Operation.INSERT), at_once)
            outcomes += self._update(table, wave.filter(pl.col(OPERATION) == Operation.UPDATE), at_once)
        return together(outcomes)

    def delete(self, table: TargetTable, rows: pl.DataFrame, *, soft: bool) -> pl.DataFrame:
        """Over HTTP it is ScheduleHub that refuses to delete a parent with living children."""
        keyed = rows.select(KEY, UID if UID in rows.columns else pl.lit(None, dtype=pl.String).alias(UID))
        keyed = self._with_uids(table.entity, keyed.unique(KEY, maintain_order=True)).with_row_index(ROW)
        known = keyed.filter(pl.col(UID).is_not_null())
        if soft:
            told = self._send_entries(table.entity, known, "update", _soft_deletions)
        else:
            told = self._send_entries(table.entity, known, "delete", wire.deletions)
        lines = _delete_lines(keyed, told)
        return lines.match_to_schema(DELETE_SCHEMA)

    def _table_answers(self, entity: str) -> bool:
        call = Call(
            "POST",
            f"/{entity}/batch/query",
            Text("Looking for the table {table}", table=entity),
            body=b'{"erp_key_hashes":[]}',
            expected=frozenset({404}),
        )
        return self._client.call(call, whole).status != 404

    def _no_table(self, entity: str) -> ConfigurationError:
        return ConfigurationError(
            "{neighbour} has no table {entity}. Create it there, and sync again.",
            neighbour=self._client.said,
            entity=entity,
        )

    def _query(self, entity: str, keys: pl.Series) -> pl.DataFrame:
        """The records of these keys, softly deleted ones with their `deleted_at`."""
        found = [wire.no_records()]
        call = Call(
            "POST",
            f"/{entity}/batch/query",
            Text("Looking up rows of {table}", table=entity),
            expected=frozenset({404}),
        )
        for start in range(0, keys.len(), _ASKED_AT_ONCE):
            entries = wire.queried(keys[start : start + _ASKED_AT_ONCE])
            found.append(self._exchange(call, entries, lambda answer: self._read_query(answer, entity)))
        return pl.concat(found)

    def _read_query(self, answer: Answer, entity: str) -> pl.DataFrame:
        if answer.status == 404:
            raise self._no_table(entity)
        return arrow.read_found(answer) if _is_arrow(answer) else wire.read_found(answer)

    def _with_uids(self, entity: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with UID filled in where ScheduleHub holds the key, alive."""
        unknown = rows.filter(pl.col(UID).is_null())
        if unknown.is_empty():
            return rows
        held = self._query(entity, unknown[KEY]).filter(pl.col(wire.DELETED_AT).is_null())
        looked_up = held.select(KEY, pl.col(UID).alias(_LOOKED_UP))
        filled = rows.join(looked_up, on=KEY, how="left", maintain_order="left")
        return filled.with_columns(pl.coalesce(UID, _LOOKED_UP).alias(UID)).drop(_LOOKED_UP)

    def _insert(self, table: TargetTable, rows: pl.DataFrame, at_once: int) -> list[pl.DataFrame]:
        told = self._send(table, rows, "insert", at_once)
        exists = told.filter(pl.col("state") == WriteState.KEY_EXISTS)
        if exists.is_empty():
            return [told]
        return [without_rows(told, exists), *self._settle_known(table, rows, exists)]

    def _settle_known(self, table: TargetTable, rows: pl.DataFrame, told: pl.DataFrame) -> list[pl.DataFrame]:
        """Rows that were answered with `duplicate_key`: alive, softly deleted (to be revived), or not there at all,
        when another constraint was meant."""
        known = rows.join(told.select(ROW), on=ROW, how="semi", maintain_order="left")
        held = self._query(table.entity, known[KEY])
        deleted = held.filter(pl.col(wire.DELETED_AT).is_not_null()).select(KEY, UID)
        revived = self._send_entries(
            table.entity,
            known.drop(UID).join(deleted, on=KEY, how="inner"),
            "update",
            lambda part: wire.updates(table, part, revive=True),
        )
        held_rows = known.select(ROW, KEY).join(held.select(KEY), on=KEY, how="semi")
        alive = without_rows(told.join(held_rows, on=ROW, how="semi"), revived)
        elsewhere = without_rows(told, held_rows).with_columns(pl.lit(WriteState.REJECTED).alias("state"))
        return [revived, alive, elsewhere]

    def _update(self, table: TargetTable, rows: pl.DataFrame, at_once: int) -> list[pl.DataFrame]:
        rows = self._with_uids(table.entity, rows)
        gone = rows.filter(pl.col(UID).is_null())
        held = rows.filter(pl.col(UID).is_not_null())
        told = self._send(table, held, "update", at_once)
        return [told, outcome(gone, WriteState.KEY_GONE, N_("ScheduleHub no longer holds this key"))]

    def _send(self, table: TargetTable, rows: pl.DataFrame, batch: str, at_once: int) -> pl.DataFrame:
        """The outcomes of one kind of batch call with whole records, one line a row."""
        make = wire.updates if batch == "update" else wire.records
        return self._send_entries(table.entity, rows, batch, lambda part: make(table, part), at_once)

    def _send_entries(
        self,
        entity: str,
        rows: pl.DataFrame,
        batch: str,
        make: Callable[[pl.DataFrame], wire.Entries],
        at_once: int = 1,
    ) -> pl.DataFrame:
        largest = self._batch_sizes.get(entity, self._max_batch_size)
        sent = send_in_parts(
            rows,
            largest,
            lambda part, patient: self._request(entity, part, batch, make(part), patient=patient),
            at_once,
        )
        if sent.largest < largest:
            self._batch_sizes[entity] = sent.largest
        return _all_outcomes(sent)

    def _request(
        self, entity: str, part: pl.DataFrame, batch: str, entries: wire.Entries, *, patient: bool
    ) -> pl.DataFrame:
        call = Call(
            "POST",
            f"/{entity}/batch/{batch}",
            Text("Writing {rows} rows of {table} ({path})", rows=part.height, table=entity, path=batch),
            repeatable=batch == "upsert",
            expected=_HANDLED if patient else _HANDLED | {500},
            retry_500=patient,
        )
        try:
            return self._exchange(call, entries, lambda answer: self._read_batch(answer, entity, part))
        except ExchangeError as error:
            if error.status == 500:
                raise Refused(500, error.text) from error
            raise

    @property
    def _speaks_arrow(self) -> bool:
        return "arrow" in self.capabilities and not self._refused_arrow

    def _exchange(self, call: Call, entries: wire.Entries, read: Callable[[Answer], pl.DataFrame]) -> pl.DataFrame:
        """A batch call in Arrow where ScheduleHub takes it, in JSON otherwise: 415 is the end of Arrow."""
        if self._speaks_arrow:
            answered = self._client.call(
                replace(
                    call,
                    body=arrow.write_stream(entries.columns),
                    content_type=arrow.MEDIA_TYPE,
                    accept=arrow.ACCEPT,
                    expected=call.expected | {415},
                ),
                lambda answer: None if answer.status == 415 else read(answer),
            )
            if answered is not None:
                return answered
            self._refused_arrow = True
        return self._client.call(replace(call, body=entries.as_json()), read)

    def _read_batch(self, answer: Answer, entity: str, part: pl.DataFrame) -> pl.DataFrame:
        if answer.status == 404:
            raise self._no_table(entity)
        if answer.status == 413:
            raise TooLarge
        if answer.status in _REFUSED_WHOLE or answer.status == 500:
            raise Refused(
                answer.status,
                answer.error(Text("answered {status}: {excerpt}", status=str(answer.status), excerpt=answer.excerpt())),
            )
        if _is_arrow(answer):
            return _with_positions(part, arrow.read_failures(answer, part.height))
        return _with_failures(answer, part, wire.read_failures(answer, part.height))


def _check_names(table: TargetTable) -> None:
    taken = sorted({column.name for column in table.columns} & wire.RESERVED)
    if taken:
        raise ConfigurationError(
            "{entity}: {taken} cannot be a column's name, since it is ScheduleHub's own. "
            "Map the field to another name.",
            entity=table.entity,
            taken=", ".join(taken),
        )


def _table_body(table: TargetTable) -> dict[str, list[dict[str, str | bool]]]:
    return {
        "columns": [{"name": c.name, "type": c.type, "nullable": c.nullable} for c in table.columns],
        "parent_refs": [{"name": name, "entity": entity} for name, entity in table.parents],
    }


@contextmanager
def _spooling(call: Call) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            "{what}: there is no room for a temporary file ({reason}). Make room in the "
            "directory for temporary files, or name another one in TMPDIR; the work goes on from its last checkpoint.",
            what=call.what,
            reason=error.strerror or error,
        ) from error


def _emptied(spool: IO[bytes]) -> IO[bytes]:
    spool.seek(0)
    spool.truncate()
    return spool


def _check_stream(answer: Answer) -> None:
    """Raises PageError for a stream of another type, or one whose end cannot be told from a break."""
    if answer.content_type not in (_NDJSON, "application/ndjson", arrow.MEDIA_TYPE):
        raise PageError(
            answer.error(Text("sent {sent} instead of NDJSON", sent=answer.content_type or Text("no content type")))
        )
    if "content-length" not in answer.headers and "transfer-encoding" not in answer.headers:
        raise PageError(
            answer.error(Text("sent a stream without a length, so that nobody can say whether it is whole"))
        )


def _is_arrow(answer: Answer) -> bool:
    return answer.content_type == arrow.MEDIA_TYPE


def _ndjson_frames(spool: IO[bytes]) -> Iterator[pl.DataFrame]:
    while block := spool.read(_FRAME_BYTES):
        yield wire.identity_frame(block + spool.readline())


def _with_positions(part: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """The outcomes of one request whose failures are told by their position in it."""
    if failures.is_empty():
        return done(part)
    told = part[failures[wire.FAILED_AT]].select(ROW).hstack(failures)
    told = told.select(OUTCOME_SCHEMA.names()).cast(OUTCOME_SCHEMA)
    return pl.concat([told, done(without_rows(part, told))])


def _with_failures(answer: Answer, part: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """The same with failures that are told by key or uid. Raises PageError when one names a record that was not
    sent."""
    if failures.is_empty():
        return done(part)
    by = UID if failures[KEY].null_count() == failures.height else KEY
    told = part.select(ROW, by).join(failures.drop(KEY if by == UID else UID), on=by, how="inner")
    told = told.unique(ROW).select(OUTCOME_SCHEMA.names()).cast(OUTCOME_SCHEMA)
    if told.height != failures.height:
        raise PageError(answer.error(Text("names failed records that were not sent")))
    return pl.concat([told, done(without_rows(part, told))])


def _all_outcomes(sent: Sent) -> pl.DataFrame:
    alone = (
        outcome(
            part,
            WriteState.KEY_EXISTS if error.status == 409 else WriteState.REJECTED,
            str(error.message),
            error_type=f"status_{error.status}",
            temporary=error.status >= 500,
        )
        for part, error in sent.alone
    )
    doubtful = (outcome(part, WriteState.UNKNOWN, message) for part, message in sent.doubtful)
    return together([*sent.answers, *alone, *doubtful])


def _soft_deletions(part: pl.DataFrame) -> wire.Entries:
    return wire.soft_deletions(part, datetime.now(UTC))


def _delete_lines(keyed: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """One line a key; a key that is not there any more counts as deleted."""
    states = {
        WriteState.DONE: _DELETED,
        WriteState.KEY_GONE: _DELETED,
        WriteState.UNKNOWN: _IN_DOUBT,
    }
    lines = keyed.select(ROW, KEY).join(told.select(ROW, "state", "message"), on=ROW, how="left", maintain_order="left")
    state = pl.col("state").fill_null(WriteState.KEY_GONE).replace_strict(states, default=_KEPT)
    return lines.select(KEY, state.alias("state"), pl.when(state != _DELETED).then("message").alias("message"))
