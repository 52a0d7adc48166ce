"""What the engine asks of a source and of a target. The connectors keep these promises; stages 1 and 9 rely on them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from syncflow.chunk import DATA, KEY, REF, ROW, ROWVERSION, UID
from syncflow.identities import Identities
from syncflow.model import ApiDefinition, DriftMode, TargetTable
from syncflow.oracle_types import OracleType

UNREADABLE = "@unreadable"
"""String column of a page that is there only when some row could not be decoded: why, NULL for the good rows. Such a
row's other columns hold what could be read of it, and RAW_TEXT what the source sent."""
RAW_TEXT = "@raw_text"


@dataclass(frozen=True)
class Filter:
    """`operator` is one of `= != > >= < <= in like is_null`; `value` is text as the API prints it, several for `in`,
    a boolean for `is_null` (wire contract)."""

    field: str
    operator: str
    value: str | bool | tuple[str, ...]


@dataclass(frozen=True)
class Sort:
    """One sort field; NULLs come last in both directions (wire contract)."""

    field: str
    descending: bool = False


@dataclass(frozen=True)
class PageRequest:
    """One page of an API. `columns` are the declared column names; empty when the API declares none.

    `decimal_comma`: the API's texts write `1.234,50`, so that a bare JSON number (1234.5) is handed on as `1234,5`:
    then text and number mean the same to the stages.
    """

    api: str
    page_size: int
    page: int = 1
    filters: tuple[Filter, ...] = ()
    sort: Sort | None = None
    columns: tuple[str, ...] = ()
    decimal_comma: bool = False


@dataclass(frozen=True)
class Page:
    """A page that was read whole. `rows` has one String column per source column, values exactly as sent: numbers
    digit for digit (but see `decimal_comma`), booleans as `true`/`false`, nested values as their JSON text, a missing
    key as NULL.

    Columns that were asked for stand first, in that order, also when no row has them; unknown ones follow and have
    their type in `observed` (text unless every value on this page is a JSON number or boolean).
    """

    rows: pl.DataFrame
    total_rows: int | None = None
    observed: Mapping[str, OracleType] = field(default_factory=dict)


class Source(Protocol):
    """An ERP behind APISmith. All calls raise RetriableError after their own retries are used up, PageError for a
    page that cannot be trusted, ConfigurationError for a refused login or an unknown API."""

    @property
    def name(self) -> str:
        """What `source_system` says: the service's address without secrets."""
        ...

    def definition(self, api: str) -> ApiDefinition: ...

    def definitions(self) -> Iterator[ApiDefinition]: ...

    def page(self, request: PageRequest) -> Page: ...

    def until(self, should_stop: Callable[[], bool]) -> "Source":
        """The same source for who has no time after a certain moment: calls that are under way are given up then, and
        none is tried again."""
        ...


IDENTITY_SCHEMA = pl.Schema({KEY: pl.String, DATA: pl.String, ROWVERSION: pl.String, UID: pl.String})
"""What identifies a row that a target holds; UID may be NULL where the target is addressed by key."""

FOUND_SCHEMA = pl.Schema([*IDENTITY_SCHEMA.items(), (REF, pl.String)])
"""The same with the readable key, for rows that were asked for one by one."""


class WriteState:
    """The outcome of one row that was sent."""

    DONE = "done"
    """The target holds the row as sent."""
    PARENT_MISSING = "parent_missing"
    """Not written: the parent of the reference named in `field` is not there."""
    KEY_EXISTS = "key_exists"
    """An insert of a key that the target holds already: to be read back."""
    KEY_GONE = "key_gone"
    """An update of a row that the target no longer holds."""
    REJECTED = "rejected"
    """The target refuses this row; the others of the request stand."""
    UNKNOWN = "unknown"
    """Sent, but no answer came: to be read back before anything is sent again."""


OUTCOME_SCHEMA = pl.Schema(
    {
        ROW: pl.UInt32,
        "state": pl.String,
        "field": pl.String,
        "error_type": pl.String,
        "message": pl.String,
        "temporary": pl.Boolean,
    }
)
"""`write` returns one line per row sent. `field` is the reference for PARENT_MISSING, otherwise the column when known;
`temporary` says that the same row may pass later unchanged (the target was busy)."""

DELETE_SCHEMA = pl.Schema({KEY: pl.String, "state": pl.String, "message": pl.String})
"""`delete` returns one line per key: `deleted` (also when it was gone already), `refused` (with the reason) or
`unknown` (no answer came)."""


LIVING_SCHEMA = pl.Schema({KEY: pl.String, "entity": pl.String, "ref": pl.String, "child": pl.String})
"""Rows that refer to others: KEY is the parent's, `child` the key hash of the row of `entity` that refers by `ref`."""


@dataclass(frozen=True)
class Rehearsal:
    """What `Target.prepare` would find and do. `changes` are phrases; `rewrites` says that no data hash of the table
    would count any more, so that a whole extract writes every row again."""

    exists: bool
    changes: tuple[str, ...] = ()
    rewrites: bool = False


class Target(Protocol):
    """A planning engine's tables. Raises RetriableError when it is not to be had, after its own retries."""

    @property
    def name(self) -> str:
        """The target's address without secrets; names it in the ledger."""
        ...

    @property
    def lists_identities(self) -> bool:
        """Whether `identities` works; without it a ledger of what was loaded names the candidates for deletion."""
        ...

    def until(self, should_stop: Callable[[], bool]) -> "Target":
        """The same target for who has no time after a certain moment: no call is tried again then, and those that only
        read are given up."""
        ...

    def evict(self, worker: str) -> None:
        """End whatever sessions a former worker left open, so that none of its writes comes after those of who took
        its batch over, or holds them up."""
        ...

    def prepare(self, table: TargetTable, drift: DriftMode) -> tuple[str, ...]:
        """Create the table, or widen it to take `table.columns`; says in a sentence each what it changed.

        Raises ConfigurationError when the table cannot take the rows: narrowed by hand, another type than can be
        widened, or (FREEZE) anything to change in a table that exists.
        """
        ...

    def rehearse(self, table: TargetTable, drift: DriftMode) -> Rehearsal:
        """What `prepare` would do, as far as can be told without doing it; raises what it would raise. A table without
        columns is only looked for."""
        ...

    def finish_load(self, table: TargetTable) -> int:
        """To be called after the last `write` of a load, also of one that is stopped: makes up for what `prepare` put
        off for an empty table, such as its indexes. How many rows that were written as new turned out to be there
        already, put there by somebody else; they count as updated."""
        ...

    def identities(self, table: TargetTable, *, with_rowversion: bool) -> Iterator[Identities]:
        """All rows that the target holds now, a part at a time, soft-deleted ones left out."""
        ...

    def find(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        """The rows of these keys that the target holds now, in FOUND_SCHEMA; any number of keys."""
        ...

    def values(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        """KEY and, as canonical text, those columns of `table` that the target has, of the rows of these keys that it
        holds now. For people to look at, some hundred rows at a time."""
        ...

    def deleted_at(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame:
        """KEY and `deleted_at` (text) of those rows of these keys that are softly deleted. For people to look at."""
        ...

    def living_children(self, table: TargetTable, keys: pl.Series) -> pl.DataFrame | None:
        """LIVING_SCHEMA of the rows of `table.children` that refer to rows of these keys now; None where the target
        cannot tell."""
        ...

    def write(self, table: TargetTable, rows: pl.DataFrame) -> pl.DataFrame:
        """Insert and update as OPERATION says; returns OUTCOME_SCHEMA for every row of `rows`.

        `rows` has ROW, OPERATION, KEY, DATA, ROWVERSION, REF, UID, PARENT+name for each parent of the table, and the
        table's columns as canonical text. A row whose parent is in the same call is written after it.
        A soft-deleted row of the same key is revived by an insert.
        """
        ...

    def delete(self, table: TargetTable, rows: pl.DataFrame, *, soft: bool) -> pl.DataFrame:
        """Delete the rows (KEY, UID); returns DELETE_SCHEMA. A parent with living children is refused."""
        ...
