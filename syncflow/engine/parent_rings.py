"""Rings of waiting rows that go through several chunks or entities: found among the rows that wait, under today's
configuration, with all of their references."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.chunk import KEY, PARENT, REF
from syncflow.engine.chunks import identified
from syncflow.engine.masked import masked_fields, masked_ref
from syncflow.engine.payloads import raw_rows
from syncflow.engine.pipeline import Timings
from syncflow.i18n.texts import Text
from syncflow.model import Plan
from syncflow.protocols import Target
from syncflow.rules.outcome import VALUE, with_value
from syncflow.stages.ring_graph import NOBODY, Flags, Numbers, Verdict, Waits, judge, openings, rings
from syncflow.stages.rings import Parting, told_ring
from syncflow.stages.s9_load import held
from syncflow.store import pending_children
from syncflow.store.database import Database

_LONGEST_TOLD = 6
_REFERENCES = pl.Schema(
    {KEY: pl.String, "parent_key": pl.String, "ref": pl.String, "parent_entity": pl.String, "required": pl.Boolean}
)
_RING = Text(
    "rows that refer to each other cannot be loaded, because their references are required: {ring}", ring=VALUE
)
_IMPOSSIBLE = pl.Schema({KEY: pl.String, "message": pl.String})


@dataclass(frozen=True)
class Step:
    """Rows of one entity to be loaded as `parting` says; when all are woken that waited for them, the next step."""

    entity: str
    keys: pl.Series
    parting: Parting


@dataclass(frozen=True)
class _Edges:
    """`rows` has child_entity, KEY and REF of the waiting rows, `edges` (child, parent, ref, required) what they wait
    for among each other, by number; `alive` rows wait for nobody else."""

    rows: pl.DataFrame
    edges: pl.DataFrame
    alive: Flags


class ParentRings:
    """Looks for rings among the rows of `entities`, which can form some."""

    def __init__(
        self, database: Database, target: Target, make_plan: Callable[[str], Plan], entities: list[str]
    ) -> None:
        self._database = database
        self._target = target
        self._make_plan = make_plan
        self._entities = entities

    def steps(self) -> list[Step]:
        """What is to be loaded, and in which order, so that every ring can be closed that can be at all. None where no
        rows wait for each other."""
        leading = self._leading_to_rings()
        if leading.is_empty():
            return []
        found = self._edges(leading)
        waits = Waits(
            found.rows.height,
            found.edges["child"].to_numpy(),
            found.edges["parent"].to_numpy(),
            found.edges["required"].to_numpy(),
        )
        verdict = judge(waits, found.alive)
        inside = found.rows.filter(pl.Series(verdict.loadable))[KEY]
        steps = [step for opening in openings(waits, verdict.loadable) for step in _steps(found.rows[opening], inside)]
        return steps + list(_refusals(found, verdict, waits))

    def _leading_to_rings(self) -> pl.DataFrame:
        """(child_entity, child_key_hash) of the rows from which a ring is reached, going by the one parent that is
        known to be missing."""
        if not self._entities:
            return pl.DataFrame()
        with self._database.begin() as connection:
            waits = pending_children.waits_among(connection, self._entities)
        places = waits.select(pl.col("child_key_hash").alias("parent_bk_hash")).with_row_index("place")
        pointer = waits.join(places, on="parent_bk_hash", how="left", maintain_order="left")["place"]
        _, leads = rings(pointer.cast(pl.Int64).fill_null(NOBODY).to_numpy())
        return waits.filter(pl.Series(leads, dtype=pl.Boolean)).select("child_entity", "child_key_hash")

    def _edges(self, leading: pl.DataFrame) -> _Edges:
        plans = {str(name): self._make_plan(str(name)) for name in leading["child_entity"].unique().sort()}
        read = [self._read(plan, leading.filter(pl.col("child_entity") == name)) for name, plan in plans.items()]
        rows = pl.concat([part[0] for part in read]).with_row_index("child")
        asked = pl.concat([part[1] for part in read])
        places = rows.select(pl.col("child").alias("parent"), pl.col(KEY).alias("parent_key"))
        asked = asked.join(rows.select(KEY, "child"), on=KEY).join(places, on="parent_key", how="left")
        outside = asked.filter(pl.col("parent").is_null())
        alive = np.ones(rows.height, np.bool_)
        alive[self._lost(outside).to_numpy()] = False
        inside = asked.drop_nulls("parent").with_columns(pl.col("child", "parent").cast(pl.Int64))
        return _Edges(rows, inside.select("child", "parent", "ref", "required"), alive)

    def _read(self, plan: Plan, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows that still wait and can be read, and (KEY, ref, required, parent_entity, parent_key) of all their
        references. A row that cannot be read is not there, and so those that wait for it are not part of a ring."""
        found = [pl.DataFrame(schema={"child_entity": pl.String, KEY: pl.String, REF: pl.String})]
        refs = [pl.DataFrame(schema=_REFERENCES)]
        for texts in self._texts(plan.entity, rows["child_key_hash"]):
            chunk = identified(0, raw_rows(texts), plan, Timings()).rows
            told = pl.Series(REF, _told_keys(chunk[REF], plan), dtype=pl.String)
            found.append(chunk.select(pl.lit(plan.entity).alias("child_entity"), KEY, told))
            for parent in plan.parents:
                wanted = chunk.select(KEY, pl.col(PARENT + parent.name).alias("parent_key")).drop_nulls("parent_key")
                refs.append(
                    wanted.select(
                        KEY,
                        "parent_key",
                        pl.lit(parent.name).alias("ref"),
                        pl.lit(parent.entity).alias("parent_entity"),
                        pl.lit(parent.required).alias("required"),
                    )
                )
        return pl.concat(found), pl.concat(refs)

    def _texts(self, entity: str, keys: pl.Series) -> Iterator[list[str]]:
        with self._database.connect() as connection:
            yield from (texts for texts in pending_children.payloads(connection, entity, keys) if texts)

    def _lost(self, outside: pl.DataFrame) -> pl.Series:
        """The children of those parents that are not in the target."""
        lost = [pl.Series(dtype=pl.UInt32)]
        for (entity,), asked in outside.group_by("parent_entity"):
            there = held(self._target, str(entity), asked["parent_key"].unique())
            lost.append(asked.filter(~pl.col("parent_key").is_in(there.implode()))["child"])
        return pl.concat(lost)


def _told_keys(refs: pl.Series, plan: Plan) -> list[str]:
    """Readable keys as a message may name them."""
    hidden = masked_fields(plan) & set(plan.business_key)
    return [masked_ref(ref, hidden) for ref in refs] if hidden else refs.to_list()


def _steps(rows: pl.DataFrame, inside: pl.Series) -> Iterator[Step]:
    for (entity,), theirs in rows.group_by("child_entity", maintain_order=True):
        yield Step(str(entity), theirs[KEY], Parting(inside, pl.DataFrame(schema=_IMPOSSIBLE)))


def _refusals(found: _Edges, verdict: Verdict, waits: Waits) -> Iterator[Step]:
    """Rows on rings of references that are all required: they fail, with the ring named."""
    left = waits.among(verdict.impossible, required=True)
    pointer = np.full(waits.rows, NOBODY, np.int64)
    pointer[left.child] = left.parent
    on_ring, _ = rings(pointer)
    lost = found.rows.filter(pl.Series(on_ring))
    nobody = pl.Series(dtype=pl.String)
    for (entity,), theirs in lost.group_by("child_entity", maintain_order=True):
        ways = pl.Series([_told(found.rows, pointer, int(start)) for start in theirs["child"]], dtype=pl.String)
        message = with_value(_RING, pl.lit(ways))
        yield Step(str(entity), theirs[KEY], Parting(nobody, theirs.select(KEY, message.alias("message"))))


def _told(rows: pl.DataFrame, pointer: Numbers, start: int) -> str:
    """The ring, from one of its rows on."""
    way = [start]
    while (place := int(pointer[way[-1]])) != start and len(way) <= _LONGEST_TOLD:
        way.append(place)
    return told_ring([f"{rows['child_entity'][place]} {rows[REF][place]}" for place in way])
