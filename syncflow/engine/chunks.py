"""From deliveries of the source to chunks of rows that have an identity: stages 1 to 7 of one batch."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import polars as pl
import xxhash

from syncflow.chunk import KEY, ROW, Chunk, rejections
from syncflow.engine.pipeline import Timings, transform
from syncflow.errors import SyncFlowError
from syncflow.i18n.texts import Text
from syncflow.model import Plan
from syncflow.oracle_types import OracleType
from syncflow.protocols import RAW_TEXT, UNREADABLE
from syncflow.stages.paging import Cursor
from syncflow.stages.s1_fetch import Fetched

_KEYS = pl.Schema({ROW: pl.UInt32, KEY: pl.String})


@dataclass(frozen=True)
class Delivery:
    """A chunk's worth of fetched rows. `cursor` is where reading goes on behind them, None at the end of the extract;
    `reread` counts the readings before this one in which some of the rows may have been counted."""

    rows: pl.DataFrame
    cursor: Cursor | None
    ordered: bool
    reread: int
    total_rows: int | None
    observed: Mapping[str, OracleType] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def gather(fetched: Iterator[Fetched], chunk_rows: int) -> Iterator[Delivery]:
    """Put pages together to chunks, as near to `chunk_rows` as whole pages come. The last one may be empty: it carries
    the final cursor."""
    held: list[Fetched] = []
    for part in fetched:
        if held and (held[-1].reread, held[-1].ordered) != (part.reread, part.ordered):
            yield _delivery(held)
            held = []
        held.append(part)
        if sum(each.rows.height for each in held) + part.rows.height // 2 >= chunk_rows:
            yield _delivery(held)
            held = []
    if held:
        yield _delivery(held)


def _delivery(parts: list[Fetched]) -> Delivery:
    last = parts[-1]
    rows = pl.concat([part.rows for part in parts], how="diagonal") if len(parts) > 1 else last.rows
    notes = tuple(note for part in parts for note in part.notes)
    observed = {name: type_ for part in parts for name, type_ in part.observed.items()}
    return Delivery(rows, last.cursor, last.ordered, last.reread, last.total_rows, observed, notes)


def identified(number: int, fetched: pl.DataFrame, plan: Plan, timings: Timings) -> Chunk:
    """Stages 2 to 7 over fetched rows. A row that could not be decoded is rejected; so is one on which a stage breaks
    down, with the stack trace, found by halving: the others go on."""
    chunk = _without_unreadable(Chunk.of(number, fetched))
    return _survive(chunk, lambda part: transform(part, plan, timings))


def _without_unreadable(chunk: Chunk) -> Chunk:
    if UNREADABLE not in chunk.raw.columns:
        return chunk
    broken = chunk.raw.filter(pl.col(UNREADABLE).is_not_null())
    chunk = chunk.reject(rejections(broken, "s1_fetch", None, "unreadable_row", pl.col(UNREADABLE)))
    return chunk.with_rows(chunk.rows.drop(UNREADABLE, RAW_TEXT, strict=False))


def _survive(chunk: Chunk, work: Callable[[Chunk], Chunk]) -> Chunk:
    try:
        return work(chunk)
    except SyncFlowError:
        raise
    except Exception as error:
        if chunk.rows.is_empty():
            raise
        if chunk.rows.height == 1:
            return work(_broken(chunk, error))
    middle = chunk.rows.height // 2
    first = _survive(_part(chunk, chunk.rows.head(middle)), work)
    rest = _survive(_part(chunk, chunk.rows.slice(middle)), work)
    return _joined(chunk, first, rest)


def _broken(chunk: Chunk, error: Exception) -> Chunk:
    message = Text(
        "SyncFlow itself broke down on this row ({kind}: {error}); please report it",
        kind=type(error).__name__,
        error=error,
    )
    reasons = rejections(chunk.rows, "internal", None, "internal_error", str(message))
    trace = "".join(traceback.format_exception(error))
    return chunk.reject(reasons.with_columns(pl.lit(trace).alias("stack_trace")))


def _part(chunk: Chunk, rows: pl.DataFrame) -> Chunk:
    raw = chunk.raw.join(rows.select(ROW), on=ROW, how="semi", maintain_order="left")
    return Chunk(chunk.number, raw, rows)


def _joined(whole: Chunk, first: Chunk, rest: Chunk) -> Chunk:
    def both(name: str) -> pl.DataFrame | None:
        frames = [frame for part in (first, rest) if (frame := getattr(part, name)) is not None and frame.width > 1]
        return pl.concat(frames, how="diagonal") if frames else None

    rows = both("rows")
    return replace(
        whole,
        rows=first.rows.clear() if rows is None else rows,
        normalized=both("normalized"),
        mapped=both("mapped"),
        rejected=pl.concat([whole.rejected, first.rejected, rest.rejected]),
        notes=(*first.notes, *rest.notes),
    )


def marks_of_keyless(chunk: Chunk, rejected_keys: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """ROW and, as KEY, a hash of what was sent, for rejected rows whose key cannot be read: a second reading of the
    source knows them again by it."""
    if chunk.rejected.is_empty():
        return pl.DataFrame(schema=_KEYS)
    lost = chunk.rejected.select(ROW).join(rejected_keys, on=ROW, how="anti", maintain_order="left")
    raw = chunk.raw.join(lost, on=ROW, how="semi", maintain_order="left")
    sent = [column.source for column in plan.columns] + [name for name in (RAW_TEXT,) if name in raw.columns]
    texts = raw.select(pl.struct(sent).struct.json_encode()).to_series() if raw.height else ()
    marks = [xxhash.xxh3_128_hexdigest(text.encode()) for text in texts]
    return raw.select(ROW).with_columns(pl.Series(KEY, marks, dtype=pl.String))


def keys_of_rejected(chunk: Chunk, plan: Plan) -> pl.DataFrame:
    """ROW and KEY of those rejected rows whose business key can be read all the same: for their queue entry, and so
    that nobody takes them for gone from the source."""
    lost = chunk.rejected.filter(pl.col("stage") != "s1_fetch").select(ROW)
    if lost.is_empty():
        return pl.DataFrame(schema=_KEYS)
    raw = chunk.raw.join(lost, on=ROW, how="semi", maintain_order="left")
    columns = tuple(
        replace(column, mapping=replace(column.mapping, validation_rule=None)) for column in plan.key_columns
    )
    only_key = replace(plan, columns=columns, parents=(), hash_exclude=(), rowversion_field=None)
    start = Chunk(chunk.number, raw, raw.drop(UNREADABLE, RAW_TEXT, strict=False))
    return _survive(start, lambda part: transform(part, only_key, Timings())).rows.select(ROW, KEY)
