"""The Target of a dry run: it reads the real one, writes nothing, and knows what would stand there by now."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, PARENT, REF, ROWVERSION, UID, Operation
from syncflow.connectors.outcomes import UNKNOWN_HASH, done, parent_missing, together
from syncflow.connectors.waves import waves
from syncflow.i18n.texts import Text
from syncflow.identities import ABSENT, Identities, KeySet, Known, Places, hexadecimal, words
from syncflow.model import DriftMode, TargetTable
from syncflow.protocols import DELETE_SCHEMA, FOUND_SCHEMA, LIVING_SCHEMA, Rehearsal, Target

SAMPLES = 20
"""Updates of one entity whose fields are compared."""

_PAIR = pl.Schema({KEY: pl.Binary, "parent": pl.Binary})


@dataclass(frozen=True)
class FieldChange:
    """Canonical texts, None for NULL."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class UpdateSample:
    """One row that would be updated. No changes: what the target holds looks the same, and is written all the same."""

    ref: str
    changes: tuple[FieldChange, ...]


class PlanningTarget:
    """Keeps the promises of `protocols.Target` but one: what it says it has done, it has only taken note of.

    It holds 64 bytes a row that would be written, and 48 more for each reference to an entity of `watched` (those whose
    rows may be deleted in the same dry run). Thread-safe.
    """

    def __init__(self, target: Target, watched: frozenset[str]) -> None:
        self._target = target
        self._watched = watched
        self._lock = threading.Lock()
        self._rehearsals: dict[str, Rehearsal] = {}
        self._there: dict[str, bool] = {}
        self._planned: dict[str, _Planned] = {}
        self._samples: dict[str, list[UpdateSample]] = {}
        self._blind: dict[str, int] = {}

    @property
    def name(self) -> str:
        return self._target.name

    @property
    def lists_identities(self) -> bool:
        return self._target.lists_identities

    def rehearsed(self, entity: str) -> Rehearsal | None:
        """What the target's table would have to become; None where it did not come to that."""
        return self._rehearsals.get(entity)

    def samples(self, entity: str) -> tuple[UpdateSample, ...]:
        return tuple(self._samples.get(entity, ())[:SAMPLES])

    def untold_refusals(self, entity: str) -> int:
        """Deletions that the target might refuse for the sake of rows that refer to them; nobody can ask it."""
        return self._blind.get(entity, 0)

    def until(self, should_stop: Callable[[], bool]) -> "PlanningTarget":  # noqa: ARG002 - the protocol's
        """The same: a dry run may take the time that it takes."""
        return self

    def evict(self, worker: str) -> None:
        """Nobody's sessions are ended for a dry run."""

    def prepare(self, table: TargetTable, drift: DriftMode) -> tuple[str, ...]:
        found, before = self._target.rehearse(table, drift), self._rehearsals.get(table.entity)
        if before is not None:
            said = tuple(dict.fromkeys((*before.changes, *found.changes)))
            found = Rehearsal(found.exists, said, before.rewrites or found.rewrites)
        self._rehearsals[table.entity] = found
        self._there[table.entity] = found.exists
        return ()

    def rehearse(self, table: TargetTable, drift: DriftMode) -> Rehearsal:
        return self._target.rehearse(table, drift)

    def finish_load(self, table: TargetTable) -> int:  # noqa: ARG002
        return 0

    def identities(self, table: TargetTable, *, with_rowversion: bool) -> Iterator[Identities]:
        if self._exists(table):
            for part in self._target.identities(table, with_rowversion=with_rowversion):
                yield replace(part, data=np.zeros_like(part.data)) if self._rewrites(table) else part

    def find(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        planned = self._of(table)
        with self._lock:
            ours, gone = planned.find(keys), planned.deleted
        rest = keys.to_frame(KEY).join(ours, on=KEY, how="anti")[KEY]
        if rest.is_empty() or not self._exists(table):
            return ours
        held = self._target.find(table, rest).filter(~pl.col(KEY).is_in(list(gone)))
        if self._rewrites(table):
            held = held.with_columns(pl.lit(UNKNOWN_HASH).alias(DATA))
        return pl.concat([held, ours])

    def values(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        if not self._exists(table):
            return pl.DataFrame(schema={KEY: pl.String})
        return self._target.values(table, keys)

    def deleted_at(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        return self._target.deleted_at(table, keys)

    def living_children(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame | None:
        """Those that there would be: of a row that would be written, only what it would refer to then counts."""
        held = self._target.living_children(table, keys)
        if held is None:
            return None
        parts = [pl.DataFrame(schema=LIVING_SCHEMA)]
        with self._lock:
            for child in table.children:
                planned = self._planned.setdefault(child.entity, _Planned())
                theirs = held.filter((pl.col("entity") == child.entity) & (pl.col("ref") == child.ref))
                parts += [planned.left_alone(theirs), planned.referring(child.entity, child.ref, keys)]
        return pl.concat(parts)

    def write(self, table: TargetTable, rows: pl.DataFrame) -> pl.DataFrame:
        outcomes: list[pl.DataFrame] = []
        watched = [(name, entity) for name, entity in table.parents if entity in self._watched]
        refs = [name for name, entity in watched if self._exists(TargetTable(entity, ()))]
        for wave in waves(table, rows):
            ready, missing = self._with_parents(table, wave)
            outcomes += [*missing, done(ready)]
            self._sample(table, ready)
            planned = self._of(table)
            with self._lock:
                planned.write(ready, refs)
        return together(outcomes)

    def delete(self, table: TargetTable, rows: pl.DataFrame, *, soft: bool) -> pl.DataFrame:  # noqa: ARG002
        keys = rows[KEY].unique(maintain_order=True)
        refused = self._refused(table, keys)
        going = [key for key in keys if key not in refused]
        planned = self._of(table)
        with self._lock:
            planned.deleted |= set(going)
        lines = [(key, "refused", reason) for key, reason in refused.items()]
        lines += [(key, "deleted", "") for key in going]
        return pl.DataFrame(lines, schema=DELETE_SCHEMA, orient="row")

    def _refused(self, table: TargetTable, keys: pl.Series) -> dict[str, str]:
        """Keys with living children, and why. A child in the same table that goes along does not count, unless it has
        to stay itself."""
        living = self.living_children(table, keys) if table.children and len(keys) else None
        if living is None:
            self._blind[table.entity] = len(keys) if table.children else 0
            return {}
        refused: dict[str, str] = {}
        while True:
            going = [key for key in keys if key not in refused]
            goes_along = (pl.col("entity") == table.entity) & pl.col("child").is_in(going)
            blocking = living.filter(pl.col(KEY).is_in(going) & ~goes_along)
            if blocking.is_empty():
                return refused
            for (key, entity, ref), rows in Counter(blocking.select(KEY, "entity", "ref").iter_rows()).items():
                refused[key] = str(
                    Text("{rows} living {entity} refer to it ({ref})", rows=str(rows), entity=entity, ref=ref)
                )

    def _with_parents(self, table: TargetTable, rows: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        """The rows whose parents would all be there, and PARENT_MISSING for the others."""
        missing: list[pl.DataFrame] = []
        for ref, entity in table.parents:
            wanted = rows[PARENT + ref].drop_nulls().unique()
            there = self.find(TargetTable(entity, ()), wanted)[KEY] if len(wanted) else wanted
            lost = pl.col(PARENT + ref).is_not_null() & ~pl.col(PARENT + ref).is_in(there.implode())
            missing.append(parent_missing(rows.filter(lost), ref, entity))
            rows = rows.filter(~lost)
        return rows, missing

    def _sample(self, table: TargetTable, rows: pl.DataFrame) -> None:
        samples = self._samples.setdefault(table.entity, [])
        updated = rows.filter(pl.col(OPERATION) == Operation.UPDATE).head(SAMPLES - len(samples))
        if updated.is_empty():
            return
        held = {row[KEY]: row for row in self.values(table, updated[KEY]).iter_rows(named=True)}
        found = [
            UpdateSample(str(row[REF]), differences(table, held[row[KEY]], row))
            for row in updated.iter_rows(named=True)
            if row[KEY] in held
        ]
        samples += found[: SAMPLES - len(samples)]

    def _of(self, table: TargetTable) -> "_Planned":
        with self._lock:
            return self._planned.setdefault(table.entity, _Planned())

    def _exists(self, table: TargetTable) -> bool:
        if table.entity not in self._there:
            self._there[table.entity] = self._target.rehearse(TargetTable(table.entity, ()), DriftMode.EVOLVE).exists
        return self._there[table.entity]

    def _rewrites(self, table: TargetTable) -> bool:
        rehearsal = self._rehearsals.get(table.entity)
        return rehearsal is not None and rehearsal.rewrites


class _Planned:
    """What would have been done to one table."""

    def __init__(self) -> None:
        self._keys = KeySet()
        self._parts: list[Known] = []
        self._parents: dict[str, list[pl.DataFrame]] = {}
        self.deleted: set[str] = set()

    def write(self, rows: pl.DataFrame, refs: list[str]) -> None:
        if rows.is_empty():
            return
        identities = Identities.of(rows.with_columns(pl.lit(None, dtype=pl.String).alias(UID)), with_rowversion=True)
        if rows[ROWVERSION].null_count() == rows.height:
            identities = replace(identities, rowversion=None)
        self._parts.append(Known.sorted([identities]))
        self._keys.add(identities.keys)
        for ref in refs:
            pairs = rows.select(_binary(KEY), _binary(PARENT + ref).alias("parent"))
            self._parents.setdefault(ref, []).append(pairs)

    def find(self, keys: pl.Series) -> pl.DataFrame:
        """FOUND_SCHEMA of those of the keys that would have been written, as they were written last."""
        wanted = words(keys, 2)
        wanted = wanted[self._keys.contains(wanted)]
        found = [pl.DataFrame(schema=FOUND_SCHEMA)]
        for part in reversed(self._parts):
            if len(wanted) == 0:
                break
            places = part.places(wanted)
            met = places != ABSENT
            if met.any():
                found.append(_found(part, places[met]))
                wanted = wanted[~met]
        return pl.concat(found)

    def left_alone(self, children: pl.DataFrame) -> pl.DataFrame:
        """Those of some children (LIVING_SCHEMA) that would not have been touched."""
        written = pl.Series(self._keys.contains(words(children["child"], 2)), dtype=pl.Boolean)
        return children.filter(~written & ~children["child"].is_in(list(self.deleted)))

    def referring(self, entity: str, ref: str, keys: pl.Series) -> pl.DataFrame:
        """LIVING_SCHEMA of the rows that would have been written and would refer to these keys."""
        wanted = keys.to_frame("parent").select(_binary("parent")).unique()
        parts = self._parents.get(ref, [])
        once = [part.join(wanted, on="parent", how="semi").select(KEY) for part in parts]
        children = pl.concat([pl.DataFrame(schema={KEY: pl.Binary}), *once]).unique()
        # A row that was written twice refers to what it was written with last.
        written = [part.join(children, on=KEY, how="semi") for part in parts]
        pairs = pl.concat([pl.DataFrame(schema=_PAIR), *written]).unique(KEY, keep="last", maintain_order=True)
        return (
            pairs.join(wanted, on="parent", how="semi")
            .select(
                pl.col("parent").bin.encode("hex").alias(KEY),
                pl.lit(entity).alias("entity"),
                pl.lit(ref).alias("ref"),
                pl.col(KEY).bin.encode("hex").alias("child"),
            )
            .filter(~pl.col("child").is_in(list(self.deleted)))
        )


def _found(part: Known, places: Places) -> pl.DataFrame:
    versions = None if part.rowversion is None else part.rowversion.gather(places)
    return pl.DataFrame(
        {
            KEY: hexadecimal(part.keys[places]),
            DATA: hexadecimal(part.data[places]),
            ROWVERSION: pl.Series([None] * len(places), dtype=pl.String) if versions is None else versions,
            UID: pl.Series([None] * len(places), dtype=pl.String),
            REF: pl.Series([None] * len(places), dtype=pl.String),
        },
        schema=FOUND_SCHEMA,
    )


def _binary(name: str) -> pl.Expr:
    return pl.col(name).str.decode("hex")


def differences(table: TargetTable, held: dict[str, str | None], row: dict[str, str | None]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(column.name, held.get(column.name), row[column.name])
        for column in table.columns
        if held.get(column.name) != _as_held(row[column.name], column.type)
    )


def _as_held(value: str | None, kind: str) -> str | None:
    """A value as the target would hold it: fractions of a second have six digits there (pipeline, stage 5)."""
    if value is None or kind not in ("timestamp", "timestamptz") or "." not in value:
        return value
    zone = "Z" if value.endswith("Z") else ""
    whole, _, fraction = value.removesuffix("Z").partition(".")
    digits = fraction[:6].rstrip("0")
    return f"{whole}.{digits}{zone}" if digits else f"{whole}{zone}"
