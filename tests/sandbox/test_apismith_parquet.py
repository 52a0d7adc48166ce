"""Parquet files behind the reference APISmith, beside CSV files."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from syncflow.sandbox.apismith.csv_folder import read_folder
from syncflow.sandbox.errors import SandboxError

pytestmark = pytest.mark.unit


def definition(folder: Path, slug: str, *names: str) -> None:
    columns = [{"name": name, "data_type": "VARCHAR2(99)"} for name in names]
    (folder / f"{slug}.json").write_text(json.dumps({"definition": {"slug": slug, "columns": columns}}))


def test_typed_columns_are_printed_exactly(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, 4, 5, 6, 700_000)
    columns = {
        "TEXT": (pl.Series([" 00123 ", "", None]), [" 00123 ", "", None]),
        "INTEGER": (pl.Series([2**63 - 1, -1, None]), ["9223372036854775807", "-1", None]),
        "DECIMAL": (pl.Series([Decimal("0.10"), Decimal("9" * 36), None], dtype=pl.Decimal(38, 2)),
                    ["0.10", "9" * 36 + ".00", None]),
        "DOUBLE": (pl.Series([0.1, 1e300, None]), ["0.1", "1e+300", None]),
        "DAY": (pl.Series([date(1, 1, 1), date(9999, 12, 31), None]), ["0001-01-01", "9999-12-31", None]),
        "MOMENT": (pl.Series([moment, None, None]), ["2026-03-01 04:05:06.700000", None, None]),
        "NANO": (pl.Series([1, None, None]).cast(pl.Datetime("ns")), ["1970-01-01 00:00:00.000000001", None, None]),
        "ZONED": (
            pl.Series([moment, None, None]).dt.replace_time_zone("Europe/Istanbul"),
            ["2026-03-01 04:05:06.700000+03:00", None, None],
        ),
        "RAW": (pl.Series([b"\x00\xab", b"", None]), ["00AB", "", None]),
        "FLAG": (pl.Series([True, False, None]), ["true", "false", None]),
        "KIND": (pl.Series(["a", "b", None], dtype=pl.Categorical), ["a", "b", None]),
    }  # fmt: skip
    pl.DataFrame({name: column for name, (column, _) in columns.items()}).write_parquet(tmp_path / "x.parquet")
    definition(tmp_path, "x", *columns)
    (tmp_path / "a.csv").write_text("A\n1\n")
    definition(tmp_path, "a", "A")
    csv, parquet = read_folder(tmp_path)
    assert (csv.definition.slug, parquet.definition.slug) == ("a", "x")
    assert parquet.texts.to_dict(as_series=False) == {name: texts for name, (_, texts) in columns.items()}


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        (pl.DataFrame({"A": [[1]]}), r"x.parquet: the column A has the type List\(Int64\), .* make it text"),
        (pl.DataFrame({"A": pl.Series([2**62]).cast(pl.Datetime("ms"))}), "the column A .* cannot be printed"),
        (pl.DataFrame({"A": [1], "B": [2]}), "x.parquet: the column B is not in the definition"),
        (pl.DataFrame({"B": [1]}), "x.parquet: the column B is not in the definition"),
    ],
)
def test_what_cannot_be_served_is_told_with_file_and_column(tmp_path: Path, frame: pl.DataFrame, told: str) -> None:
    frame.write_parquet(tmp_path / "x.parquet")
    definition(tmp_path, "x", "A")
    with pytest.raises(SandboxError, match=told):
        read_folder(tmp_path)


def test_a_file_that_is_no_parquet_and_a_slug_that_stands_twice(tmp_path: Path) -> None:
    definition(tmp_path, "x", "A")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(SandboxError, match=r"x.parquet: this is not a Parquet file that can be read"):
        read_folder(tmp_path)
    (tmp_path / "x.csv").write_text("A\n1\n")
    with pytest.raises(SandboxError, match=r"x stands there as .csv and as .parquet; take one of the two away"):
        read_folder(tmp_path)
    (tmp_path / "x.csv").unlink()
    (tmp_path / "x.json").unlink()
    with pytest.raises(SandboxError, match=r"x.json is missing: x.parquet needs it"):
        read_folder(tmp_path)
