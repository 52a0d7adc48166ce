"""A Parquet file as a frame whose columns can all be printed."""

from pathlib import Path

import polars as pl

from syncflow.sandbox.apismith.printing import printed
from syncflow.sandbox.errors import SandboxError


def read_parquet(path: Path) -> pl.DataFrame:
    """All rows, as text. Raises SandboxError naming the file, and the column where one is to blame."""
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise SandboxError(f"{path}: this is not a Parquet file that can be read ({error}); write it anew.") from error
    return pl.DataFrame([_text(path, column) for column in frame.iter_columns()], height=frame.height)


def _text(path: Path, column: pl.Series) -> pl.Series:
    try:
        return column.to_frame().select(printed(column.name, column.dtype)).to_series()
    except SandboxError as error:
        raise SandboxError(f"{path}: {error}") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise SandboxError(
            f"{path}: the column {column.name} ({column.dtype}) holds a value that cannot be printed ({error}); make "
            "the column text."
        ) from error
