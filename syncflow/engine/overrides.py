"""Edits and ignored rows: decisions of people that hold for as long as the source sends the same raw row.

They are looked up for rejected rows, and for the rows of keys that a decision speaks of; so a batch asks once a chunk
at most, and not at all where nothing was rejected or decided.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

import polars as pl

from syncflow.chunk import KEY, REJECTED_SCHEMA, ROW, Chunk
from syncflow.engine.chunks import identified, keys_of_rejected
from syncflow.engine.pipeline import Timings
from syncflow.engine.rejected import hashed
from syncflow.i18n.texts import Text
from syncflow.model import Plan
from syncflow.protocols import RAW_TEXT, UNREADABLE
from syncflow.rules.outcome import VALUE, with_value
from syncflow.store import failed_decisions
from syncflow.store.database import Database
from syncflow.store.failed_decisions import Override

AMBIGUOUS_STAGE = "s8_delta"
"""Rows of one key that differ fail there, each with a record of its own without a key: any row may be one of them."""

_KEYS = {ROW: pl.UInt32, KEY: pl.String}
_REASONS = {"raw_hash": pl.String} | {name: kind for name, kind in REJECTED_SCHEMA.items() if name != ROW}
_ACTIVE = {KEY: pl.String, "uid": pl.String, "decided_hash": pl.String}


@dataclass(frozen=True)
class Overridden:
    """What decisions did to a chunk: `ignored` (ROW) are left out, `keys_before` (ROW, KEY) are the keys that edited
    rows had as they were sent, as far as they could be read; `applied` are the decisions, `elsewhere` those about a
    key that was sent with another row."""

    ignored: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={ROW: pl.UInt32}))
    keys_before: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_KEYS))
    applied: frozenset[UUID] = frozenset()
    elsewhere: frozenset[UUID] = frozenset()


class Overrides:
    """The decisions about one entity's rows during one batch. `apply` is safe to call from several threads."""

    def __init__(self, database: Database, entity: str, given: Mapping[str, Override]) -> None:
        """`given` (by raw hash) are edits that are tried in this batch and stand in no table yet."""
        self._database = database
        self._entity = entity
        self._given = given
        self._active = pl.DataFrame(schema=_ACTIVE)
        self._any_row = bool(given)

    def begin(self) -> None:
        """Read which keys decisions speak of."""
        active = self._database.insist(lambda connection: failed_decisions.active(connection, self._entity))
        keyed = [(one.key_hash, str(one.uid), one.raw_hash) for one in active if one.key_hash is not None]
        self._any_row |= any(one.key_hash is None and one.stage_failed == AMBIGUOUS_STAGE for one in active)
        self._active = pl.DataFrame(keyed, schema=_ACTIVE, orient="row")

    def apply(self, chunk: Chunk, plan: Plan, timings: Timings) -> tuple[Chunk, Overridden]:
        """The chunk (after stage 7) with edited rows run again through stages 2 to 7 and ignored ones rejected."""
        if not self._any_row and self._active.is_empty() and chunk.rejected.is_empty():
            return chunk, Overridden()
        keys = self._keys(chunk, plan)
        spoken_of = keys.join(self._active, on=KEY, how="inner").drop(KEY)
        suspects = chunk.raw[ROW] if self._any_row else pl.concat([chunk.rejected[ROW], spoken_of[ROW]])
        if suspects.is_empty():
            return chunk, Overridden()
        sent = hashed(chunk.raw, suspects)
        found = self._look_up(sent["raw_hash"])
        changed = spoken_of.join(sent, on=ROW, how="inner").filter(pl.col("raw_hash") != pl.col("decided_hash"))
        done = Overridden(
            applied=frozenset(override.uid for override in found.values()),
            elsewhere=frozenset(UUID(uid) for uid in changed["uid"]),
        )
        if not found:
            return chunk, done
        edits = {name: override for name, override in found.items() if override.edit is not None}
        ignores = {name: override for name, override in found.items() if override.edit is None}
        to_edit = _of(sent, edits)
        edited = _run_again(chunk, to_edit, edits, plan, timings, told=not self._given)
        ignored = _of(sent, ignores)
        return _rejected_as_before(edited, ignored, ignores), replace(
            done, ignored=ignored.select(ROW), keys_before=keys.join(to_edit, on=ROW, how="semi")
        )

    def _keys(self, chunk: Chunk, plan: Plan) -> pl.DataFrame:
        """ROW and KEY of the rows as they were sent, also of rejected ones where it is asked for."""
        keys = chunk.rows.select(ROW, KEY)
        return keys if self._active.is_empty() else pl.concat([keys, keys_of_rejected(chunk, plan)])

    def _look_up(self, raw_hashes: pl.Series) -> dict[str, Override]:
        wanted = raw_hashes.unique().to_list()
        given = {name: self._given[name] for name in wanted if name in self._given}
        if len(given) == len(wanted):
            return given
        decided = self._database.insist(lambda connection: failed_decisions.of_rows(connection, self._entity, wanted))
        return decided | given


def _of(sent: pl.DataFrame, overrides: Mapping[str, Override]) -> pl.DataFrame:
    return sent.filter(pl.col("raw_hash").is_in(list(overrides)))


def _run_again(
    chunk: Chunk, rows: pl.DataFrame, edits: Mapping[str, Override], plan: Plan, timings: Timings, *, told: bool
) -> Chunk:
    """The chunk with these rows (ROW, `raw_hash`) as stages 2 to 7 make them of their edited values."""
    if rows.is_empty():
        return chunk
    raw = with_edits(chunk.raw.join(rows, on=ROW, how="inner", maintain_order="left"), edits)
    again = identified(chunk.number, raw.drop(ROW), plan, timings)
    return _merged(chunk, _told(again) if told else again, raw[ROW])


def with_edits(raw: pl.DataFrame, edits: Mapping[str, Override]) -> pl.DataFrame:
    """Raw rows (with `raw_hash`) with other values in the columns that their edits name."""
    values_of = {raw_hash: override.edit or {} for raw_hash, override in edits.items()}
    edited = []
    for name in dict.fromkeys(name for values in values_of.values() for name in values):
        given = {raw_hash: values[name] for raw_hash, values in values_of.items() if name in values}
        kept = pl.col(name) if name in raw.columns else pl.lit(None, dtype=pl.String)
        new = pl.col("raw_hash").replace_strict(given, default=None, return_dtype=pl.String)
        edited.append(pl.when(pl.col("raw_hash").is_in(list(given))).then(new).otherwise(kept).alias(name))
    return raw.with_columns(edited).drop("raw_hash", UNREADABLE, RAW_TEXT, strict=False)


def _told(again: Chunk) -> Chunk:
    """A row that fails although somebody has edited it says so: its raw values do not show why it failed."""
    message = with_value(Text("as it was edited: {message}", message=VALUE), pl.col("message")).alias("message")
    return replace(again, rejected=again.rejected.with_columns(message)).with_note(
        Text("rows read with the values that somebody gave them"), again.raw.height
    )


def _merged(whole: Chunk, again: Chunk, numbers: pl.Series) -> Chunk:
    """The chunk with some of its rows, by number, as they are after another way through the stages."""
    old = pl.DataFrame({ROW: numbers})

    def together(before: pl.DataFrame | None, after: pl.DataFrame | None) -> pl.DataFrame | None:
        kept = None if before is None else before.join(old, on=ROW, how="anti", maintain_order="left")
        new = None if after is None else after.with_columns(numbers.gather(after[ROW]).alias(ROW))
        frames = [frame for frame in (kept, new) if frame is not None]
        return pl.concat(frames, how="diagonal").sort(ROW) if frames else None

    rows, rejected = together(whole.rows, again.rows), together(whole.rejected, again.rejected)
    return replace(
        whole,
        rows=whole.rows if rows is None else rows,
        normalized=together(whole.normalized, again.normalized),
        mapped=together(whole.mapped, again.mapped),
        rejected=whole.rejected if rejected is None else rejected,
        notes=(*whole.notes, *again.notes),
    )


def _rejected_as_before(chunk: Chunk, ignored: pl.DataFrame, ignores: Mapping[str, Override]) -> Chunk:
    """Ignored rows that would pass this time leave the chunk with the reason that they were ignored for."""
    why = [
        (raw_hash, override.stage_failed, override.field, override.error_type, override.error_message, None)
        for raw_hash, override in ignores.items()
    ]
    reasons = pl.DataFrame(why, schema=_REASONS, orient="row")
    return chunk.reject(ignored.join(reasons, on="raw_hash", how="inner", maintain_order="left"))
