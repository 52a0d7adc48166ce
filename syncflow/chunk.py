"""The rows that move through the stages together, columnar, and the one way in which a row leaves them."""

from dataclasses import dataclass, field, replace

import polars as pl

from syncflow.i18n.texts import Text

ROW = "@row"
"""UInt32: a row's number within its chunk; the thread that ties all frames of a chunk together."""
KEY = "@key"
"""String: BK_HASH, 32 hex digits (stage 7)."""
DATA = "@data"
"""String: DATA_HASH, 64 hex digits (stage 7)."""
UNKNOWN_HASH = "0" * 64
"""A data hash that no row has. It stands where a target holds none, or none that can be relied on, so that the record
differs from whatever the source says and is written again."""
ROWVERSION = "@rowversion"
"""String or NULL: the canonical text of the rowversion field (stage 7)."""
REF = "@ref"
"""String: the business key, readable and canonical: `item_no=A-100|site=THR` (stage 7)."""
PARENT = "@parent:"
"""Prefix of String columns with a parent's BK_HASH, NULL for no parent; the reference's name follows (stage 7)."""
PARENT_REF = "@parent_ref:"
"""Prefix of String columns with the same parent's readable key (stage 7)."""
OPERATION = "@op"
"""String: what is to be done with a row, an `Operation` (stage 8)."""
UID = "@uid"
"""String or NULL: the row's uid in the target where it is known (stage 8)."""

REJECTED_SCHEMA = pl.Schema(
    {
        ROW: pl.UInt32,
        "stage": pl.String,
        "field": pl.String,
        "error_type": pl.String,
        "message": pl.String,
        "stack_trace": pl.String,
    }
)
"""`stage` is the stage's module name; `field` the source name up to stage 5, the target name from stage 6 on;
`stack_trace` is there for a programming error only."""


class Operation:
    """The values of OPERATION."""

    INSERT = "insert"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Chunk:
    """Rows in flight. `rows` has ROW and, up to stage 5, a String column for every source column of the plan; from
    stage 6 on one for every target column, holding canonical text (see `canonical`), NULL for NULL.

    `raw` holds ROW and the values as they were fetched and is never changed. `normalized` and `mapped` keep the rows
    as they were after stages 5 and 6, for explanation and for failed records. Every row of `raw` stands either in
    `rows` or in `rejected`, exactly once: `check` says so.
    """

    number: int
    raw: pl.DataFrame
    rows: pl.DataFrame
    normalized: pl.DataFrame | None = None
    mapped: pl.DataFrame | None = None
    rejected: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTED_SCHEMA))
    notes: tuple[tuple[str, int], ...] = ()
    """What is to be said of the batch, with the number of rows that it is true of (0: not counted)."""

    @classmethod
    def of(cls, number: int, fetched: pl.DataFrame) -> "Chunk":
        """A chunk of freshly fetched values (String columns by source name), numbered from 0."""
        raw = fetched.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.UInt32))
        return cls(number=number, raw=raw, rows=raw)

    def with_rows(self, rows: pl.DataFrame) -> "Chunk":
        return replace(self, rows=rows)

    def with_note(self, note: Text, rows: int = 0) -> "Chunk":
        return replace(self, notes=(*self.notes, (str(note), rows)))

    def reject(self, rejected: pl.DataFrame) -> "Chunk":
        """Take rows out, with their reasons (REJECTED_SCHEMA). Of several reasons for one row the first counts."""
        if rejected.is_empty():
            return self
        first = (
            rejected.select(REJECTED_SCHEMA.names())
            .cast(REJECTED_SCHEMA)
            .unique(ROW, keep="first", maintain_order=True)
        )
        first = first.join(self.rows.select(ROW), on=ROW, how="semi", maintain_order="left")
        return replace(
            self,
            rows=self.rows.join(first.select(ROW), on=ROW, how="anti", maintain_order="left"),
            rejected=pl.concat([self.rejected, first]),
        )

    def without(self, numbers: pl.Series) -> "Chunk":
        """The chunk as if these rows (by ROW) had never been fetched."""
        gone = pl.DataFrame({ROW: numbers.cast(pl.UInt32)})

        def keep(frame: pl.DataFrame) -> pl.DataFrame:
            return frame.join(gone, on=ROW, how="anti", maintain_order="left")

        return replace(
            self,
            raw=keep(self.raw),
            rows=keep(self.rows),
            normalized=None if self.normalized is None else keep(self.normalized),
            mapped=None if self.mapped is None else keep(self.mapped),
            rejected=keep(self.rejected),
        )

    def missing(self) -> int:
        """How many rows vanished: fetched, but neither in flight nor rejected. Anything but 0 is a bug."""
        return self.raw.height - self.rows.height - self.rejected.height


def rejections(
    rows: pl.DataFrame, stage: str, field_name: str | None, error_type: str, message: pl.Expr | str
) -> pl.DataFrame:
    """Reasons for every row of `rows` (which has ROW), in REJECTED_SCHEMA. `message` may be an expression on `rows`."""
    text = pl.lit(message) if isinstance(message, str) else message
    return rows.select(
        pl.col(ROW).cast(pl.UInt32),
        pl.lit(stage).alias("stage"),
        pl.lit(field_name, dtype=pl.String).alias("field"),
        pl.lit(error_type).alias("error_type"),
        text.cast(pl.String).alias("message"),
        pl.lit(None, dtype=pl.String).alias("stack_trace"),
    )
