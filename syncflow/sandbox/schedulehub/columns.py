"""Records in columns, checked and put as text that PostgreSQL reads as the columns' types, a column at a time.

What a regular expression does not plainly take is left to `records`, value by value: it knows what is wrong, or takes
the value all the same. So a record fares alike in whatever form it came.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from syncflow.sandbox.schedulehub.batches import Columns, Sent
from syncflow.sandbox.schedulehub.entity import Column, Entity
from syncflow.sandbox.schedulehub.records import BRIDGE_COLUMNS, Cells, RecordError, json_text
from syncflow.sandbox.schedulehub.staging import POSITION, Failure

PARENT = "_bridge_parent_"
"""Prefix of the columns with a parent's key hash; the reference's name follows. No column of a table begins so."""
UID = "_bridge_uid"
_FITS = "_bridge_fits"
_ROUND = "_bridge_round"
_KEY = BRIDGE_COLUMNS["erp_key_hash"]
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_ZONED = f"^{_DAY}{_TIME}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)$"
_CANONICAL_UID = "^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
_SHAPES = {
    "integer": r"^[+-]?[0-9]+$",
    "numeric": r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$",
    "date": f"^{_DAY}$",
    "timestamp": f"^{_DAY}{_TIME}$",
    "timestamptz": _ZONED,
    "bytes": "^(?:[0-9a-fA-F]{2})*$",
}

ReadOne = Callable[[Sent], Cells]
"""Reads one entry; raises RecordError."""


@dataclass(frozen=True)
class _Texts:
    """A column of the table, or the key hashes of a parent, as text; None for a member that is nothing of the kind.
    `fits` says which values can stay so (None: all, NULL counts as fitting)."""

    text: pl.Series | None
    fits: pl.Series | None = None


def read_columns(
    entity: Entity, sent: Columns, read_one: ReadOne, *, whole: bool
) -> tuple[pl.DataFrame, list[Failure]]:
    """POSITION, and as String the columns of the table that the members mean, UID where there are uids, PARENT and the
    name for each reference.
    A `whole` record has all of them, NULL where it does not say anything."""
    parts = [part for member in sent.data for part in _texts(entity, member)]
    if sent.uids is not None:
        parts.append(_uid(sent.uids))
    frame = _frame(parts, len(sent))
    if whole:
        frame = _whole(entity, frame)
    return _settled(frame, sent, read_one)


def _settled(frame: pl.DataFrame, sent: Columns, read_one: ReadOne) -> tuple[pl.DataFrame, list[Failure]]:
    plain = frame.drop(_FITS)
    if frame[_FITS].all():
        return plain, []
    odd = frame[POSITION].filter(~frame[_FITS]).to_list()
    cells, failures = read_each(zip(odd, sent.at(odd), strict=True), read_one)
    known = plain.filter(frame[_FITS])
    return pl.concat([known, cells_frame(cells, known.columns)]).sort(POSITION), failures


def read_each(entries: Iterable[tuple[int, Sent]], read_one: ReadOne) -> tuple[list[tuple[int, Cells]], list[Failure]]:
    """Entries with their positions, one by one."""
    cells: list[tuple[int, Cells]] = []
    failures: list[Failure] = []
    for position, entry in entries:
        try:
            cells.append((position, read_one(entry)))
        except RecordError as error:
            failures.append(Failure(position, str(error), error.code, error.ref))
    return cells, failures


def cells_frame(cells: Sequence[tuple[int, Cells]], names: Sequence[str]) -> pl.DataFrame:
    """The same frame from cells that were read one by one; `names` as it has them, with or without POSITION."""
    columns: dict[str, list[str | None]] = {}
    for name in names:
        if name.startswith(PARENT):
            columns[name] = [each.parents.get(name.removeprefix(PARENT)) for _, each in cells]
        elif name != POSITION:
            columns[name] = [each.values.get(name) for _, each in cells]
    positions = pl.Series(POSITION, [position for position, _ in cells], dtype=pl.UInt32)
    return pl.DataFrame([positions, *(pl.Series(name, texts, dtype=pl.String) for name, texts in columns.items())])


def whole_names(entity: Entity) -> list[str]:
    """The columns of a whole record's frame, without POSITION."""
    parents = [PARENT + parent.name for parent in entity.parents]
    return [*BRIDGE_COLUMNS.values(), *(column.name for column in entity.columns), *parents]


def each_key_once(rows: pl.DataFrame, key: str) -> Iterator[pl.DataFrame]:
    """The rows in parts: each holds a key once, and of two rows of a key the earlier one is in an earlier part."""
    if rows[key].n_unique() == rows.height:
        yield rows
        return
    numbered = rows.with_columns(pl.int_range(pl.len()).over(key).alias(_ROUND))
    for part in numbered.sort(_ROUND, maintain_order=True).partition_by(_ROUND, maintain_order=True):
        yield part.drop(_ROUND)


def _frame(parts: Sequence[_Texts], height: int) -> pl.DataFrame:
    position = pl.int_range(0, height, dtype=pl.UInt32, eager=True).alias(POSITION)
    fits = pl.repeat(True, height, dtype=pl.Boolean, eager=True)
    for part in parts:
        if part.fits is not None:
            fits &= part.fits.fill_null(True)
    return pl.DataFrame([position, fits.alias(_FITS), *(part.text for part in parts if part.text is not None)])


def _whole(entity: Entity, frame: pl.DataFrame) -> pl.DataFrame:
    """A key hash, and what must not be NULL, has to be there."""
    unsaid = [name for name in whole_names(entity) if name not in frame.columns]
    frame = frame.with_columns(pl.lit(None, dtype=pl.String).alias(name) for name in unsaid)
    needed = [column.name for column in entity.columns if not column.nullable]
    has_key = pl.col(_KEY).fill_null("") != ""
    fits = pl.all_horizontal(_FITS, has_key, *(pl.col(name).is_not_null() for name in needed))
    return frame.select(POSITION, fits.alias(_FITS), *whole_names(entity))


def _texts(entity: Entity, member: pl.Series) -> list[_Texts]:
    column = entity.by_name.get(member.name)
    if column is not None:
        return [_value(column, member)]
    if member.name in BRIDGE_COLUMNS:
        return [_bridge(member)]
    if member.name == "parent_refs" and isinstance(member.dtype, pl.Struct):
        refs = member.struct.unnest()
        return [_Texts(None, member.is_not_null()), *(_parent(entity, refs[name]) for name in refs.columns)]
    return [_unknown(member)]


def _uid(values: pl.Series) -> _Texts:
    text = values.cast(pl.String) if _is_text(values) else _nothing(values)
    return _Texts(text.alias(UID), text.str.contains(_CANONICAL_UID).fill_null(False))


def _value(column: Column, values: pl.Series) -> _Texts:
    if isinstance(values.dtype, pl.Boolean):
        return _Texts(values.cast(pl.String)) if column.type == "boolean" else _odd(values)
    if column.type in ("integer", "numeric") and (values.dtype.is_integer() or values.dtype.is_decimal()):
        values = values.cast(pl.String)
    if not _is_text(values) or column.type == "boolean":
        return _odd(values)
    values = values.cast(pl.String)
    if column.type == "json":
        return _Texts(_json(values))
    shape = _SHAPES.get(column.type)
    text = "\\x" + values if column.type == "bytes" else values
    return _Texts(text.alias(column.name), None if shape is None else values.str.contains(shape))


def _bridge(values: pl.Series) -> _Texts:
    name = BRIDGE_COLUMNS[values.name]
    if values.dtype.is_integer() and name == BRIDGE_COLUMNS["erp_rowversion"]:
        return _Texts(values.cast(pl.String).alias(name))
    if not _is_text(values):
        return _odd(values.alias(name))
    text = values.cast(pl.String).alias(name)
    return _Texts(text, text.str.contains(_ZONED) if name == BRIDGE_COLUMNS["deleted_at"] else None)


def _parent(entity: Entity, hashes: pl.Series) -> _Texts:
    if all(parent.name != hashes.name for parent in entity.parents):
        return _unknown(hashes)
    named = hashes.alias(PARENT + hashes.name)
    return _Texts(named.cast(pl.String)) if _is_text(hashes) else _odd(named)


def _json(values: pl.Series) -> pl.Series:
    distinct = values.drop_nulls().unique()
    return values.replace_strict(distinct, [json_text(one) for one in distinct], default=None, return_dtype=pl.String)


def _is_text(values: pl.Series) -> bool:
    return isinstance(values.dtype, pl.String | pl.Null)


def _odd(values: pl.Series) -> _Texts:
    """A column of another kind: only NULL can stay."""
    return _Texts(_nothing(values), values.is_null())


def _unknown(values: pl.Series) -> _Texts:
    return _Texts(None, pl.repeat(False, len(values), dtype=pl.Boolean, eager=True))


def _nothing(values: pl.Series) -> pl.Series:
    return pl.repeat(None, len(values), dtype=pl.String, eager=True).alias(values.name)
