"""Makes the rows that `Target.write` takes."""

import hashlib
from collections.abc import Mapping

import polars as pl

from syncflow.chunk import DATA, KEY, OPERATION, PARENT, REF, ROW, ROWVERSION, UID, Operation
from syncflow.model import TargetTable


def key_of(key: str) -> str:
    return hashlib.md5(key.encode()).hexdigest()


def chunk(
    table: TargetTable,
    *rows: Mapping[str, str | None],
    operation: str = Operation.INSERT,
    parents: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """Rows by their column `id`; `parents` pairs a reference with the column that holds the parent's id."""
    wanted = parents or {}
    made = []
    for number, row in enumerate(rows):
        line = {column.name: row.get(column.name) for column in table.columns}
        line[KEY] = key_of(str(row["id"]))
        line[DATA] = hashlib.sha256(repr(sorted(row.items(), key=str)).encode()).hexdigest()
        line[REF] = f"id={row['id']}"
        for ref, _ in table.parents:
            parent = row.get(wanted[ref])
            line[PARENT + ref] = None if parent is None else key_of(parent)
        made.append({ROW: number, OPERATION: operation, ROWVERSION: row.get("rv"), UID: None, **line})
    text = dict.fromkeys(
        [OPERATION, KEY, DATA, ROWVERSION, REF, UID]
        + [PARENT + ref for ref, _ in table.parents]
        + [column.name for column in table.columns],
        pl.String,
    )
    return pl.DataFrame(made, schema={ROW: pl.UInt32, **text})


def states(outcomes: pl.DataFrame) -> list[str]:
    return outcomes.sort(ROW)["state"].to_list()
