"""The body of an execute call, checked, and the rows that it selects."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from syncflow.sandbox.apismith.column_index import ColumnIndex, Ints, Mask, RankRange
from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.web import take_members

IndexOf = Callable[[str], ColumnIndex]
"""The index of a column, by its name."""

COMPARISONS = ("=", "!=", ">", ">=", "<", "<=")
OPERATORS = (*COMPARISONS, "in", "like", "is_null")
MAX_PAGE_SIZE = 10_000
MAX_IN_VALUES = 1_000


@dataclass(frozen=True)
class RowFilter:
    """`values`: one printed value for a comparison or `like`, several for `in`; `is_null` has `wanted` instead."""

    field: str
    operator: str
    values: tuple[str, ...] = ()
    wanted: bool = True


@dataclass(frozen=True)
class Query:
    page: int
    page_size: int
    filters: tuple[RowFilter, ...] = ()
    sort_field: str | None = None
    descending: bool = False


def parse_query(body: object, columns: list[str]) -> Query:
    """Check an execute body against the columns of the API. Raises ApiError 400 (form) or 422 (values)."""
    members = take_members(body, ("page", "page_size"), ("filters", "sort"))
    filters = members.get("filters")
    if filters is not None and not isinstance(filters, list):
        raise _wrong("'filters' must be a list.")
    sort_field, descending = _parse_sort(members.get("sort"), columns)
    return Query(
        page=_whole(members, "page", None),
        page_size=_whole(members, "page_size", MAX_PAGE_SIZE),
        filters=tuple(_parse_filter(one, columns) for one in filters or []),
        sort_field=sort_field,
        descending=descending,
    )


def _whole(members: dict[str, object], name: str, most: int | None) -> int:
    value = members[name]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or (most is not None and value > most):
        raise _wrong(f"'{name}' must be a whole number from 1{f' to {most:,}' if most else ''}, not {value!r}.")
    return value


def _parse_sort(sort: object, columns: list[str]) -> tuple[str | None, bool]:
    if sort is None:
        return None, False
    members = take_members(sort, ("field",), ("direction",))
    direction = members.get("direction", "asc")
    if direction not in ("asc", "desc"):
        raise _wrong(f"The sort direction must be 'asc' or 'desc', not {direction!r}.")
    return _known_field(members["field"], columns), direction == "desc"


def _parse_filter(body: object, columns: list[str]) -> RowFilter:
    members = take_members(body, ("field", "operator"), ("value",))
    field, operator, value = _known_field(members["field"], columns), members["operator"], members.get("value")
    if operator not in OPERATORS:
        raise _wrong(f"Unknown operator {operator!r}; known are: {' '.join(OPERATORS)}.")
    if operator == "is_null":
        if not isinstance(value, bool):
            raise _wrong(f"The value of is_null on {field} must be true or false.")
        return RowFilter(field, "is_null", wanted=value)
    if operator != "in":
        return RowFilter(field, str(operator), (_printed(field, value),))
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_IN_VALUES:
        raise _wrong(f"The value of 'in' on {field} must be a list of 1 to {MAX_IN_VALUES:,} values.")
    return RowFilter(field, "in", tuple(_printed(field, one) for one in value))


def _known_field(name: object, columns: list[str]) -> str:
    if not isinstance(name, str) or name not in columns:
        raise _wrong(f"Unknown field {name!r}; the API has: {', '.join(columns)}.")
    return name


def _printed(field: str, value: object) -> str:
    if value is None or isinstance(value, list | dict | bool):
        raise _wrong(f"The filter on {field} needs a value that is text or a number; ask for NULLs with is_null.")
    return str(value)


def _wrong(sentence: str) -> ApiError:
    return ApiError(422, sentence, code="value")


def select_rows(query: Query, height: int, texts: pl.DataFrame, index: IndexOf) -> Ints:
    """The numbers of all rows that pass the filters, in the order asked for. Bounds on the sort column of an ascending
    query are found by binary search."""
    bounded: tuple[RowFilter, ...] = ()
    if query.sort_field is None:
        rows: Ints = np.arange(height, dtype=np.int64)
    elif query.descending:
        rows = index(query.sort_field).descending
    else:
        bounded = tuple(f for f in query.filters if f.field == query.sort_field and _is_range(f))
        rows = _bounded_rows(index(query.sort_field), bounded)
    rest = [one for one in query.filters if one not in bounded]
    if not rest:
        return rows
    mask: Mask = np.ones(height, dtype=np.bool_)
    for one in rest:
        mask &= _mask(one, texts, index)
    return rows[mask[rows]]


def _is_range(one: RowFilter) -> bool:
    return one.operator in COMPARISONS and one.operator != "!="


def _bounded_rows(index: ColumnIndex, filters: tuple[RowFilter, ...]) -> Ints:
    if not filters:
        return index.ascending
    ranges = [index.compare(one.operator, one.values[0]) for one in filters]
    low = max(ranks.low for ranks in ranges)
    return index.slice_of(RankRange(low, max(low, min(ranks.high for ranks in ranges))))


def _mask(one: RowFilter, texts: pl.DataFrame, index: IndexOf) -> Mask:
    column = index(one.field)
    known: Mask = column.rank < column.null_rank
    if one.operator == "is_null":
        return ~known if one.wanted else known
    if one.operator == "in":
        return column.mask_of_values(list(one.values))
    if one.operator == "like":
        alike: Mask = texts[one.field].str.contains(_like_pattern(one.values[0])).fill_null(False).to_numpy()
        return known & alike
    if one.operator == "!=":
        return known & ~column.mask_of(column.compare("=", one.values[0]))
    return column.mask_of(column.compare(one.operator, one.values[0]))


def _like_pattern(like: str) -> str:
    """SQL's LIKE as a regular expression: `%` is any text, `_` any one character."""
    parts = (".*" if c == "%" else "." if c == "_" else pl.escape_regex(c) for c in like)
    return f"(?s)^{''.join(parts)}$"
