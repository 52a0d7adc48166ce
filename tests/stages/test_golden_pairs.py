"""The golden pairs of stages 2 to 6: what becomes of one value. See golden/README.md."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from syncflow.chunk import Chunk
from syncflow.model import (
    Conventions,
    DateOrder,
    DeltaStrategy,
    FieldMapping,
    NumberFormat,
    Plan,
    PlanColumn,
    Transformation,
)
from syncflow.oracle_types import parse
from syncflow.rules.transformations import check_mapping
from syncflow.stages.s2_coercion import coerce
from syncflow.stages.s3_string import clean_strings
from syncflow.stages.s4_numeric import parse_numbers
from syncflow.stages.s5_datetime import parse_datetimes
from syncflow.stages.s6_mapping import apply_mappings

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parent / "golden"
REJECT = "reject: "
STAGES: dict[str, Callable[[Chunk, Plan], Chunk]] = {
    "s2_coercion": coerce,
    "s3_string": clean_strings,
    "s4_numeric": parse_numbers,
    "s5_datetime": parse_datetimes,
    "s6_mapping": apply_mappings,
}
Group = dict[str, Any]


def groups() -> list[Any]:
    return [
        pytest.param(stage, group, id=f"{stage}: {group['about']}")
        for stage in STAGES
        for group in yaml.safe_load((GOLDEN / f"{stage}.yaml").read_text(encoding="utf-8"))
    ]


def plan_of(group: Group) -> Plan:
    mapping = FieldMapping(
        source="VALUE",
        target="value",
        transformation=Transformation(group.get("transformation", "none")),
        default=group.get("default"),
        required=group.get("required", False),
        validation_rule=group.get("rule"),
        fold=group.get("fold", False),
        jalali=group.get("jalali", False),
    )
    type_ = parse(group["type"])
    check_mapping(mapping, type_)
    conventions = Conventions(NumberFormat(group.get("numbers", "1,234.50")), DateOrder(group.get("dates", "DMY")))
    column = PlanColumn(type_, mapping)
    return Plan("things", "things", (column,), ("value",), DeltaStrategy.HASH, conventions=conventions)


def run(stage: str, group: Group, values: list[str | None]) -> list[str | None]:
    """What the stage makes of values that travel in one chunk: the new value, or `reject: WORD`."""
    plan = plan_of(group)
    fetched = pl.DataFrame({"VALUE": values}, schema={"VALUE": pl.String})
    chunk = STAGES[stage](Chunk.of(0, fetched), plan)
    assert chunk.missing() == 0
    name = "value" if stage == "s6_mapping" else "VALUE"
    assert set(chunk.rejected["field"]) <= {name}
    assert set(chunk.rejected["stage"]) <= {stage}
    results: dict[int, str | None] = dict(chunk.rows.select("@row", name).iter_rows())
    for row, error_type, message in chunk.rejected.select("@row", "error_type", "message").iter_rows():
        assert message.endswith((".", "\n")), message
        results[row] = REJECT + error_type
    return [results[row] for row in range(len(values))]


@pytest.mark.parametrize(("stage", "group"), groups())
def test_pairs(stage: str, group: Group) -> None:
    given = [pair[0] for pair in group["pairs"]]
    assert dict(zip(given, run(stage, group, given), strict=True)) == dict(group["pairs"])


@pytest.mark.parametrize(("stage", "group"), groups())
def test_a_value_alone_gives_the_same_as_in_company(stage: str, group: Group) -> None:
    for given, expected in group["pairs"]:
        assert run(stage, group, [given]) == [expected]


@pytest.mark.parametrize(("stage", "group"), [group for group in groups() if group.values[0] != "s6_mapping"])
def test_canonical_text_stays_as_it_is(stage: str, group: Group) -> None:
    """A stage run on its own result changes nothing, but that a decimal comma and a calendar were read before."""
    results = [pair[1] for pair in group["pairs"] if not str(pair[1]).startswith(REJECT)]
    canonical = {key: value for key, value in group.items() if key not in {"numbers", "jalali"}}
    assert run(stage, canonical, results) == results


def test_there_are_enough_pairs_to_speak_of() -> None:
    assert sum(len(group.values[1]["pairs"]) for group in groups()) > 300
