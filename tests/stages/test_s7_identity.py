"""Stage 7: keys, hashes and references of whole rows, by the pairs in golden/."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from syncflow.canonical import bk_hash, data_hash
from syncflow.chunk import DATA, KEY, PARENT, PARENT_REF, REF, ROWVERSION, Chunk
from syncflow.model import (
    Conventions,
    DeltaStrategy,
    FieldMapping,
    NumberFormat,
    Plan,
    PlanColumn,
    PlanParent,
    PlanParentKey,
    Transformation,
)
from syncflow.oracle_types import parse
from syncflow.stages.s2_coercion import coerce
from syncflow.stages.s3_string import clean_strings
from syncflow.stages.s4_numeric import parse_numbers
from syncflow.stages.s5_datetime import parse_datetimes
from syncflow.stages.s6_mapping import apply_mappings
from syncflow.stages.s7_identity import identify

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parent / "golden"
STAGES = (coerce, clean_strings, parse_numbers, parse_datetimes, apply_mappings, identify)


def load(name: str) -> list[Any]:
    cases = yaml.safe_load((GOLDEN / name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["about"]) for case in cases]


def transform(rows: list[Mapping[str, str | None]], plan: Plan) -> Chunk:
    """Rows through stages 2 to 7."""
    names = list(rows[0])
    chunk = Chunk.of(0, pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String)))
    for stage in STAGES:
        chunk = stage(chunk, plan)
        assert chunk.missing() == 0
    return chunk


def plan_of(types: Mapping[str, str], key: tuple[str, ...], **more: Any) -> Plan:
    columns = tuple(PlanColumn(parse(text), FieldMapping(name, name.lower())) for name, text in types.items())
    return Plan("items", "items", columns, key, DeltaStrategy.HASH, **more)


@pytest.mark.parametrize("case", load("s7_identity.yaml"))
def test_canonical_rows(case: dict[str, Any]) -> None:
    plan = plan_of(case["types"], tuple(case["key"]), hash_exclude=tuple(case.get("hash_exclude", ())))
    chunk = transform([case["row"]], plan)
    if "reject" in case:
        assert chunk.rejected.select("stage", "field", "error_type").row(0) == (
            "s7_identity",
            case["field"],
            case["reject"],
        )
        return
    row = chunk.rows.row(0, named=True)
    assert row[REF] == case["ref"]
    assert row[KEY] == case.get("bk_hash", bk_hash("items", case["ref"]))
    assert row[DATA] == case.get("data_hash", data_hash(case["data"]))


def mapping(name: str, fields: Mapping[str, Any]) -> FieldMapping:
    made = FieldMapping(name.upper(), name, **{**fields, "transformation": Transformation.NONE})
    return replace(made, transformation=Transformation(fields.get("transformation", "none")))


@pytest.mark.parametrize("case", load("parents.yaml"))
def test_a_parents_key_is_made_as_the_parent_makes_it(case: dict[str, Any]) -> None:
    child = PlanColumn(parse(case["child"]), mapping("c", case.get("child_mapping", {})))
    parent_column = PlanColumn(parse(case["parent"]), mapping("p", case.get("parent_mapping", {})))
    numbers = NumberFormat(case.get("parent_numbers", "1,234.50"))
    parent = PlanParent("up", "parents", (PlanParentKey("c", parent_column),), Conventions(numbers))
    key = PlanColumn(parse("NUMBER"), FieldMapping("K", "k"))
    plan = Plan("children", "children", (key, child), ("k",), DeltaStrategy.HASH, parents=(parent,))
    for value, expected in case["pairs"]:
        chunk = transform([{"K": "1", "C": value}], plan)
        if str(expected).startswith("reject: "):
            assert chunk.rejected.select("field", "error_type").row(0) == ("c", expected.removeprefix("reject: "))
            continue
        row = chunk.rows.row(0, named=True)
        assert row[PARENT_REF + "up"] == expected
        assert row[PARENT + "up"] == (None if expected is None else bk_hash("parents", expected))


def two_part_plan() -> Plan:
    keys = tuple(PlanParentKey(name, PlanColumn(parse("NUMBER"), FieldMapping(name, name))) for name in ("a", "b"))
    parent = PlanParent("up", "parents", keys)
    return plan_of({"K": "NUMBER", "A": "VARCHAR2(9)", "B": "VARCHAR2(9)"}, ("k",), parents=(parent,))


def test_a_partly_null_reference_is_no_parent_and_is_counted() -> None:
    rows: list[Mapping[str, str | None]] = [
        {"K": "1", "A": "1", "B": "2"},
        {"K": "2", "A": "1", "B": None},
        {"K": "3", "A": None, "B": None},
        {"K": "4", "A": "x", "B": None},
        {"K": "5", "A": None, "B": "7"},
    ]
    chunk = transform(rows, two_part_plan())
    assert chunk.rows.select("k", PARENT_REF + "up").rows() == [("1", "a=1|b=2"), ("2", None), ("3", None), ("5", None)]
    assert chunk.rejected["error_type"].to_list() == ["parent_key_unreadable"]
    assert chunk.notes == (("rows with only a part of the reference up to parents, loaded without it", 2),)


def test_a_reference_survives_rows_that_stage_6_rejected() -> None:
    plan = two_part_plan()
    required = replace(plan.columns[1], mapping=replace(plan.columns[1].mapping, required=True))
    plan = replace(plan, columns=(plan.columns[0], required, plan.columns[2]))
    rows: list[Mapping[str, str | None]] = [
        {"K": "1", "A": None, "B": "2"},
        {"K": "2", "A": "8", "B": "9"},
    ]
    assert transform(rows, plan).rows[PARENT_REF + "up"].to_list() == ["a=8|b=9"]


def test_the_rowversion_is_its_fields_canonical_text() -> None:
    plan = plan_of({"K": "NUMBER", "V": "NUMBER"}, ("k",), rowversion_field="v")
    chunk = transform([{"K": "1", "V": "12345678901234567890.10"}, {"K": "2", "V": None}], plan)
    assert chunk.rows[ROWVERSION].to_list() == ["12345678901234567890.1", None]


def test_columns_unknown_to_the_plan_stay_out_and_missing_ones_are_null() -> None:
    plan = plan_of({"K": "NUMBER", "A": "VARCHAR2(9)"}, ("k",))
    chunk = transform([{"K": "1", "EXTRA": "x"}], plan)
    assert chunk.rows.select("k", "a").rows() == [("1", None)]
    assert "EXTRA" not in chunk.rows.columns
    assert chunk.raw["EXTRA"].to_list() == ["x"]


def test_dropped_digits_are_noted_once_a_column_and_count_for_the_hash() -> None:
    plan = plan_of({"K": "NUMBER", "T": "TIMESTAMP(9)"}, ("k",))
    fine: list[Mapping[str, str | None]] = [
        {"K": "1", "T": "2026-01-02T03:04:05.123456789"},
        {"K": "1", "T": "2026-01-02T03:04:05.123456788"},
    ]
    chunk = transform(fine, plan)
    assert chunk.notes == (("column T has fractions finer than a microsecond; loaded with six digits", 0),)
    assert chunk.rows[DATA].n_unique() == 2
    kept = replace(plan.columns[1], mapping=replace(plan.columns[1].mapping, keep_nanoseconds=True))
    assert transform(fine, replace(plan, columns=(plan.columns[0], kept))).notes == ()


def test_rows_as_they_were_are_kept_for_explanation() -> None:
    plan = plan_of({"K": "NUMBER", "A": "CHAR(3)"}, ("k",))
    chunk = transform([{"K": "1.0", "A": "x  "}, {"K": None, "A": "y"}], plan)
    assert chunk.normalized is not None
    assert chunk.mapped is not None
    assert chunk.normalized.rows() == [(0, "1", "x"), (1, None, "y")]
    assert chunk.mapped.columns == ["@row", "k", "a"]
    assert chunk.rejected["error_type"].to_list() == ["null_key"]


NASTY = st.none() | st.text(max_size=8) | st.sampled_from(["1", "02-JAN-26", "1,5", "A ", "", "1403-12-30", "|=\\"])
ANYTHING = st.lists(st.fixed_dictionaries(dict.fromkeys("KATBRF", NASTY)), min_size=1, max_size=5)


@settings(deadline=None, max_examples=25)
@given(ANYTHING)
def test_no_row_vanishes_and_company_does_not_matter(rows: list[Mapping[str, str | None]]) -> None:
    """`transform` checks after every stage that each row is in flight or rejected."""
    types = {"K": "VARCHAR2(9)", "A": "CHAR(3)", "T": "DATE", "B": "NUMBER(5)", "R": "RAW(4)", "F": "BOOLEAN"}
    up = PlanParent("up", "parents", (PlanParentKey("a", PlanColumn(parse("NUMBER"), FieldMapping("N", "n"))),))
    plan = plan_of(types, ("k",), parents=(up,))
    together = transform(rows, plan)
    alone = [transform([row], plan) for row in rows]
    for kept in ("rows", "rejected"):
        apart = pl.concat(
            [getattr(chunk, kept).with_columns(pl.lit(at).alias("@row")) for at, chunk in enumerate(alone)]
        )
        assert getattr(together, kept).sort("@row").rows() == apart.rows()
