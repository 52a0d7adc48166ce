"""The raw rows of waiting children, as they were fetched."""

from collections.abc import Iterator, Sequence

import polars as pl

from syncflow.store import pending_children
from syncflow.store.database import Database


def raw_rows(texts: Sequence[str]) -> pl.DataFrame:
    """Raw rows from JSON texts of one object each, whose values are strings or null: one String column for each name,
    every value exactly as it was."""
    if not texts:
        return pl.DataFrame()
    return pl.read_ndjson("\n".join(texts).encode(), infer_schema_length=None).cast(pl.String)


def waiting_rows(database: Database, entity: str, keys: pl.Series, chunk_rows: int) -> Iterator[pl.DataFrame]:
    """Those of the rows that still wait, a chunk a frame. To be called by who holds the entity's batch: what was loaded
    from a newer version in the meantime is not among them."""
    for start in range(0, len(keys), chunk_rows):
        with database.connect() as connection:
            parts = [
                raw_rows(texts)
                for texts in pending_children.payloads(connection, entity, keys.slice(start, chunk_rows))
                if texts
            ]
        if parts:
            yield pl.concat(parts, how="diagonal")
