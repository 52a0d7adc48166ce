"""Failed records as a file: CSV and Parquet with the rows' values as JSON text, JSON lines with them as objects."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import msgspec
import polars as pl

from syncflow.errors import UsageError
from syncflow.store.failed_records import FailedDetail

Pages = Iterator[Sequence[FailedDetail]]

_JSON = ("raw_data", "normalized_data", "mapped_data", "override")
_TIMES = ("created_at", "updated_at", "next_retry_at", "resolved_at", "purged_at")
_COUNTS = ("retry_count", "max_retries")
_SCHEMA = pl.Schema(
    {
        part.name: pl.Datetime("us", "UTC")
        if part.name in _TIMES
        else pl.Int32
        if part.name in _COUNTS
        else pl.Boolean
        if part.name == "temporary"
        else pl.String
        for part in fields(FailedDetail)
    }
)


class ExportFormat(StrEnum):
    """What a file of failed records can be."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def format_of(file: Path) -> ExportFormat:
    """By the ending of the file's name; raises UsageError for another one."""
    ending = file.suffix.removeprefix(".").lower()
    if ending not in list(ExportFormat):
        raise UsageError(
            "{file} does not end with .csv, .jsonl or .parquet. Name the format: --format csv", file=repr(str(file))
        )
    return ExportFormat(ending)


def format_named(name: str) -> ExportFormat:
    if name not in list(ExportFormat):
        raise UsageError("--format takes csv, jsonl or parquet, and not {name}.", name=repr(name))
    return ExportFormat(name)


def write_file(pages: Pages, file: Path, format_: ExportFormat) -> int:
    """Write the file, whole or not at all; how many records there are in it. Raises UsageError when it cannot be
    written."""
    try:
        with TemporaryDirectory(prefix=".export-", dir=file.parent) as folder:
            whole = Path(folder) / "whole"
            with whole.open("wb") as out:
                rows = write(pages, out, format_, Path(folder))
            whole.replace(file)
            return rows
    except OSError as error:
        raise UsageError(
            "{file} cannot be written: {reason}. Name another file.", file=file, reason=error.strerror
        ) from error


def write(pages: Pages, out: BinaryIO, format_: ExportFormat, folder: Path) -> int:
    """A page at a time; `folder` takes the parts of a Parquet file before they are put together."""
    if format_ is ExportFormat.PARQUET:
        return _write_parquet(pages, out, folder)
    rows = 0
    for page in pages:
        if format_ is ExportFormat.CSV:
            _frame(page).write_csv(out, include_header=rows == 0)
        else:
            out.write(msgspec.json.Encoder().encode_lines(page))
        rows += len(page)
    if rows == 0 and format_ is ExportFormat.CSV:
        pl.DataFrame(schema=_SCHEMA).write_csv(out)
    return rows


def _write_parquet(pages: Pages, out: BinaryIO, folder: Path) -> int:
    rows, parts = 0, folder / "parts"
    parts.mkdir()
    pl.DataFrame(schema=_SCHEMA).write_parquet(parts / "000000000.parquet")
    for number, page in enumerate(pages, start=1):
        _frame(page).write_parquet(parts / f"{number:09}.parquet")
        rows += len(page)
    together = folder / "together.parquet"
    pl.scan_parquet(parts / "*.parquet").sink_parquet(together)
    with together.open("rb") as read:
        shutil.copyfileobj(read, out)
    return rows


def _frame(page: Sequence[FailedDetail]) -> pl.DataFrame:
    columns = {name: [_cell(name, getattr(record, name)) for record in page] for name in _SCHEMA.names()}
    return pl.DataFrame(columns, schema=_SCHEMA)


def _cell(name: str, value: object) -> object:
    if value is None or name in _TIMES or name in _COUNTS or name == "temporary":
        return value
    return msgspec.json.encode(value).decode() if name in _JSON else str(value)
