"""Finding one record at the source: asked for by its key, and, where that shows nothing, looked for page by page."""

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace

import polars as pl

from syncflow.canonical import parse_ref
from syncflow.chunk import KEY, REF, ROW, Chunk
from syncflow.engine.chunks import identified, keys_of_rejected
from syncflow.engine.extract import Approach
from syncflow.engine.masked import masked_fields, masked_ref
from syncflow.engine.pipeline import Timings
from syncflow.engine.reading import Progress, read_extract
from syncflow.errors import UsageError
from syncflow.model import Plan
from syncflow.protocols import RAW_TEXT, UNREADABLE, Source
from syncflow.stages.s1_fetch import fetch_matching

READ_AT_MOST = 50_000
"""Rows that are read in search of a key which the source does not show when it is asked for it."""


@dataclass(frozen=True)
class Sought:
    """A record that is asked for: its readable key and its BK_HASH. `spellings` are, for each key field (target name),
    the texts under which it may stand at the source: as it was given, and in canonical form."""

    ref: str
    key_hash: str
    spellings: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Found:
    """The raw rows that the source shows under a key. `read` rows were looked through besides asking for the key, and
    `complete` says that these were all."""

    rows: pl.DataFrame
    read: int = 0
    complete: bool = True


def sought(plan: Plan, parts: Mapping[str, str]) -> Sought:
    """Whom these key parts (target name -> text as the source would write it) name, read by the entity's own rules.
    Raises UsageError for a text that cannot be such a key."""
    raw = pl.DataFrame({column.source: [parts[column.target]] for column in plan.key_columns})
    chunk = identified(0, raw, _only_key(plan), Timings())
    if chunk.rows.is_empty():
        raise UsageError(
            "This cannot be a key of {entity}: {reason}.", entity=plan.entity, reason=chunk.rejected["message"][0]
        )
    (row,) = chunk.rows.iter_rows(named=True)
    return Sought(row[REF], row[KEY], {name: (parts[name], row[name]) for name in plan.business_key})


def sought_by_ref(ref: str, key_hash: str) -> Sought:
    """The record of a readable key (not masked) and its BK_HASH."""
    return Sought(ref, key_hash, {name: (value,) for name, value in parse_ref(ref).items()})


def shown_ref(wanted: Sought, plan: Plan) -> str:
    """The readable key as it may be shown."""
    return masked_ref(wanted.ref, masked_fields(plan))


def look_up(source: Source, plan: Plan, approach: Approach, wanted: Sought) -> Found:
    """The rows of this key, as the source sends them. `approach` is that of a whole extract.

    A source compares raw values, so that one which writes a key otherwise than it was asked for (`MARCH` and `march`,
    `01.02.2024` and `2024-02-01`) does not show it; then up to READ_AT_MOST rows are read.
    """
    column, spellings = plan.key_columns[0].source, wanted.spellings[plan.business_key[0]]
    asked = list(fetch_matching(source, approach.extract, column, tuple(dict.fromkeys(spellings))))
    found = [rows for page in asked if not (rows := _of_key(page, plan, wanted)).is_empty()]
    found = found or [rows for page in asked if not (rows := _unreadable(page, plan, wanted)).is_empty()]
    return Found(pl.concat(found, how="diagonal")) if found else _search(source, plan, approach, wanted)


def _search(source: Source, plan: Plan, approach: Approach, wanted: Sought) -> Found:
    """Read until a page shows the key. The whole page is judged, since equal keys need not stand together there."""
    read = 0
    with closing(_pages(source, plan, approach)) as pages:
        for page in pages:
            read += page.height
            rows = _of_key(page, plan, wanted)
            if not rows.is_empty():
                return Found(rows, read)
            if read >= READ_AT_MOST:
                return Found(pl.DataFrame(), read, complete=False)
    return Found(pl.DataFrame(), read)


def _pages(source: Source, plan: Plan, approach: Approach) -> Generator[pl.DataFrame, None, None]:
    for _, delivery in read_extract(source, plan, approach, approach.extract.page_size, 1, Progress()):
        yield delivery.rows


def _of_key(rows: pl.DataFrame, plan: Plan, wanted: Sought) -> pl.DataFrame:
    """Those of raw rows that have this key, also where another field of theirs is at fault."""
    marks = [name for name in (UNREADABLE, RAW_TEXT) if name in rows.columns]
    keys = rows.select([column.source for column in plan.key_columns] + marks)
    chunk = identified(0, keys, _only_key(plan), Timings())
    read = pl.concat([chunk.rows.select(ROW, KEY), keys_of_rejected(chunk, plan)])
    ours = read.filter(pl.col(KEY) == wanted.key_hash)
    return Chunk.of(0, rows).raw.join(ours, on=ROW, how="semi", maintain_order="left").drop(ROW)


def _unreadable(rows: pl.DataFrame, plan: Plan, wanted: Sought) -> pl.DataFrame:
    """Rows that could not be decoded, but whose key fields could, and are spelled like this."""
    if UNREADABLE not in rows.columns:
        return rows.clear()
    spelled = [
        pl.col(column.source).str.strip_chars().is_in([text.strip() for text in wanted.spellings[column.target]])
        for column in plan.key_columns
    ]
    return rows.filter(pl.col(UNREADABLE).is_not_null(), *spelled)


def _only_key(plan: Plan) -> Plan:
    """The plan cut down to what makes a key, without the rules that would reject one."""
    columns = tuple(
        replace(column, mapping=replace(column.mapping, validation_rule=None)) for column in plan.key_columns
    )
    return replace(plan, columns=columns, parents=(), hash_exclude=(), rowversion_field=None)
