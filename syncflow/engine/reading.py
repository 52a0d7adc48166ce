"""What a batch reads, in order: the extract, then the rows without a rowversion; or the payload of a queue. Knows where
to go on after an interruption, and notices columns that nobody has told of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from syncflow.engine.chunks import Delivery, gather
from syncflow.engine.extract import Approach, comparable
from syncflow.model import Paging, Plan
from syncflow.oracle_types import OracleType
from syncflow.protocols import RAW_TEXT, UNREADABLE, Source
from syncflow.stages.paging import Cursor, Extract
from syncflow.stages.s1_fetch import Fetched, fetch_keyset, fetch_pages

MAIN, NULLS, END = "main", "nulls", "end"


@dataclass(frozen=True)
class Progress:
    """Where a batch stands: in which part of its reading, and at which cursor of it. `ordered` is False where only
    reading that part again from its beginning is safe."""

    part: str = MAIN
    cursor: Cursor | None = Cursor()
    ordered: bool = True

    def to_json(self) -> dict[str, object]:
        cursor = None if self.cursor is None else self.cursor.to_json()
        return {"part": self.part, "cursor": cursor, "ordered": self.ordered}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> "Progress":
        cursor = stored["cursor"]
        read = Cursor.from_json(cursor) if isinstance(cursor, dict) else None
        return cls(str(stored["part"]), read, bool(stored["ordered"]))


def read_extract(
    source: Source, plan: Plan, approach: Approach, chunk_rows: int, in_flight: int, start: Progress
) -> Iterator[tuple[Progress, Delivery]]:
    """Deliveries of a chunk's size from `start` to the end, each with the progress behind it."""
    parts: list[tuple[str, Extract | None]] = [(MAIN, approach.extract), (NULLS, approach.nulls)]
    for part, extract in parts:
        if extract is None or (start.part == NULLS and part == MAIN) or start.part == END:
            continue
        here = start if start.part == part else Progress(part)
        if here.cursor is None:
            continue
        for delivery in gather(_fetch(source, plan, approach.paging, extract, in_flight, here), chunk_rows):
            expected = delivery.total_rows if part == MAIN else None
            yield Progress(part, delivery.cursor, delivery.ordered), replace(delivery, total_rows=expected)


def _fetch(
    source: Source, plan: Plan, paging: Paging, extract: Extract, in_flight: int, here: Progress
) -> Iterator[Fetched]:
    again = not here.ordered
    if paging is Paging.PAGES:
        return fetch_pages(source, extract, comparable(plan), in_flight, reread=int(again))
    if not again:
        return fetch_keyset(source, extract, comparable(plan), here.cursor)
    whole = fetch_keyset(source, extract, comparable(plan))
    return (replace(part, reread=part.reread + 1, ordered=False) for part in whole)


def read_payload(frames: Iterator[pl.DataFrame], plan: Plan) -> Iterator[tuple[Progress, Delivery]]:
    """The raw rows of a queue, a chunk a frame. Columns that the source has got since then are NULL in them; columns
    that it has no longer stay in the raw rows, and are not loaded."""
    for held in frames:
        missing = [column.source for column in plan.columns if column.source not in held.columns]
        rows = held.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in missing)
        yield Progress(END, None), Delivery(rows, None, ordered=True, reread=0, total_rows=None)


def unknown_columns(rows: pl.DataFrame, plan: Plan, observed: Mapping[str, OracleType]) -> dict[str, OracleType]:
    """Columns with values that the plan does not know, with their types as observed."""
    known = {column.source for column in plan.columns} | {UNREADABLE, RAW_TEXT}
    new = [name for name in rows.columns if name not in known and rows[name].null_count() < rows.height]
    return {name: observed[name] for name in new}
