"""A folder of tables: each `<slug>.csv` (RFC 4180, UTF-8, a header line, an empty field is NULL) or `<slug>.parquet`
with its `<slug>.json`."""

import csv
import io
import json
from pathlib import Path

import polars as pl

from syncflow.sandbox.apismith.definition import Definition, parse_definition
from syncflow.sandbox.apismith.parquet_file import read_parquet
from syncflow.sandbox.apismith.table import Table, table_from_frame
from syncflow.sandbox.errors import SandboxError

_LONGEST_FIELD = 2**31 - 1


def read_folder(folder: Path) -> list[Table]:
    """All tables of a folder, by slug. Raises SandboxError naming the file and the line or column."""
    files = "<slug>.csv or <slug>.parquet, and <slug>.json"
    if not folder.is_dir():
        raise SandboxError(f"There is no data folder {folder}; name one that holds {files} files.")
    paths = sorted([*folder.glob("*.csv"), *folder.glob("*.parquet")])
    if not paths:
        raise SandboxError(f"The data folder {folder} holds no .csv or .parquet file; it needs {files} files.")
    slugs = [path.stem for path in paths]
    for slug in slugs:
        if slugs.count(slug) > 1:
            raise SandboxError(f"{folder}: {slug} stands there as .csv and as .parquet; take one of the two away.")
    return [read_table(path) for path in paths]


def read_table(path: Path) -> Table:
    """One file with its definition. Every value is served as a string, a text exactly as it stands in the file."""
    definition = _read_definition(path.with_suffix(".json"), path)
    if path.suffix == ".parquet":
        frame = read_parquet(path)
        _check_header(str(path), frame.columns, definition)
        return table_from_frame(definition, frame)
    header, rows = _read_rows(path)
    _check_header(f"{path}, line 1", header, definition)
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in header]
    frame = pl.DataFrame(
        {name: pl.Series(values, dtype=pl.String) for name, values in zip(header, columns, strict=True)}
    )
    empty_is_null = (pl.when(pl.col(name) != "").then(pl.col(name)) for name in header)
    return table_from_frame(definition, frame.select(empty_is_null))


def _read_definition(path: Path, data: Path) -> Definition:
    slug = data.stem
    if not path.is_file():
        raise SandboxError(f"{path.name} is missing: {data.name} needs it for its definition.")
    try:
        content = json.loads(path.read_text("utf-8"))
    except UnicodeDecodeError as error:
        raise SandboxError(f"{path}: the file is not UTF-8 ({error.reason} at byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise SandboxError(f"{path}, line {error.lineno}: this is not JSON: {error.msg}.") from error
    if not isinstance(content, dict) or "definition" not in content:
        raise SandboxError(f'{path}: the file must hold {{"definition": {{..}}}}.')
    try:
        definition = parse_definition(content["definition"])
    except SandboxError as error:
        raise SandboxError(f"{path}: {error}") from error
    if definition.slug != slug:
        raise SandboxError(f"{path}: the slug is '{definition.slug}', but the file's name says '{slug}'.")
    return definition


def _read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    text = _read_text(path)
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        header = next(reader, None)
        if header is None:
            raise SandboxError(f"{path}: the file is empty; its first line must name the columns.")
        for row in reader:
            if len(row) != len(header):
                raise SandboxError(
                    f"{path}, line {reader.line_num}: {len(row)} fields, but the header names {len(header)}."
                )
            rows.append(row)
    except csv.Error as error:
        raise SandboxError(f"{path}, line {reader.line_num}: this is not CSV: {error}.") from error
    return header, rows


def _read_text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SandboxError(f"{path}, line {line}: the file is not UTF-8 ({error.reason}).") from error


def _check_header(place: str, header: list[str], definition: Definition) -> None:
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise SandboxError(f"{place}: the column {min(twice)} is named twice.")
    unknown = [name for name in header if definition.types and name not in definition.types]
    if unknown:
        raise SandboxError(f"{place}: the column {unknown[0]} is not in the definition.")
    needed = [name for name in (*definition.types, *definition.key) if name not in header]
    if needed:
        raise SandboxError(f"{place}: the column {needed[0]} of the definition is missing.")
