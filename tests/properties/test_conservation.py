"""Whatever the pages hold (keys twice, keys that are none, values that are wrong, parents that are not there): every
row that was fetched is counted once, and is in the target or in a queue."""

import json
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncflow.events import BatchEnded
from syncflow.model import BatchStatus
from tests.properties.conftest import Ground

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(5)", "QTY": "NUMBER(5,2)", "PLANT": "NUMBER(5)", "VER": "NUMBER(9)"}
PLANTS = (1, 2)
ENTITIES = """
entities:
  - {name: plants, business_key: [no]}
  - {name: parts, business_key: [id], parent_refs: {plant: {entity: plants, fields: {plant: no}}}, delta_strategy: %s}
"""
STRATEGIES = ("hash", "full", "rowversion, rowversion_field: ver")


@dataclass(frozen=True)
class Part:
    """A row as the source sends it."""

    id: str | None
    qty: str | None
    plant: str | None
    ver: str | None

    def sent(self) -> dict[str, object]:
        return {"ID": self.id, "QTY": self.qty, "PLANT": self.plant, "VER": self.ver}

    def can_be_loaded(self) -> bool:
        return self.has_key() and self.qty != "N/A" and (self.plant is None or int(self.plant) in PLANTS)

    def has_key(self) -> bool:
        return self.id is not None and self.id.isdigit()


# Few keys, so that many rows have the same one; 7 is a plant that nobody has.
parts = st.builds(
    Part,
    st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "8", "9", None, "x"]),
    st.sampled_from(["1", "2.5", None, "N/A"]),
    st.sampled_from([None, "1", "2", "7"]),
    st.sampled_from(["1", "2", "3", None]),
)
properties = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@properties
@given(st.lists(parts, max_size=14), st.lists(parts, max_size=14), st.sampled_from(STRATEGIES))
def test_what_was_fetched_is_what_became_of_it(
    ground: Ground, first: list[Part], then: list[Part], strategy: str
) -> None:
    ground.clear()
    ground.serve("plants", {"NO": "NUMBER(5)"}, [{"NO": str(number)} for number in PLANTS])
    ground.serve("parts", COLUMNS, [])
    ground.configure(ENTITIES % strategy)
    for night, rows in enumerate((first, then)):
        ground.serve("parts", COLUMNS, [part.sent() for part in rows])
        _, ended, *woken = ground.sync("plants", "parts")
        assert ended.status in (BatchStatus.COMPLETED, BatchStatus.COMPLETED_WITH_ERRORS), ended.error_message
        assert_balances(ended)
        assert not woken
        if night == 0 or not strategy.startswith("rowversion"):
            assert ended.counters.fetched == len(rows)
            assert_accounted_for(ground, rows)
    assert ground.target("SELECT count(*) - count(DISTINCT _bridge_erp_key_hash) FROM parts") == [(0,)]


def assert_balances(ended: BatchEnded) -> None:
    counted = ended.counters
    became = (counted.inserted, counted.updated, counted.unchanged, counted.duplicate, counted.pending, counted.failed)
    assert counted.fetched == sum(became)
    gone = (counted.deleted, counted.withheld, counted.refused, counted.still_at_source)
    assert counted.delete_candidates == sum(gone)


def assert_accounted_for(ground: Ground, rows: list[Part]) -> None:
    held = {
        str(number): (number, qty, plant, ver)
        for number, qty, plant, ver in ground.target("SELECT id::int, qty, plant::int, ver::int FROM parts")
    }
    queued = Counter(json.dumps(raw, sort_keys=True) for (raw,) in ground.books(OPEN))
    in_queue = {json.loads(raw)["ID"] for raw in queued}
    for part in rows:
        if not part.has_key():
            assert queued[json.dumps(part.sent(), sort_keys=True)] == 1, part
            continue
        there = held.get(str(part.id))
        assert there is not None or part.id in in_queue, f"{part} is lost"
        alone = sum(other.id == part.id for other in rows) == 1
        if alone and part.can_be_loaded():
            assert there == (int(str(part.id)), number(part.qty), number(part.plant), number(part.ver)), part
        elif alone:
            assert queued[json.dumps(part.sent(), sort_keys=True)] == 1, part


OPEN = (
    "SELECT raw_data FROM failed_records WHERE resolved_at IS NULL "
    "UNION ALL SELECT child_payload FROM pending_children WHERE resolved_at IS NULL"
)


def number(text: str | None) -> float | None:
    return None if text is None else float(text)
