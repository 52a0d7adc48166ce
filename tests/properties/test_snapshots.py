"""The comparison applied to any two snapshots of a table makes the second one of the first, with as few writes as its
strategy promises."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncflow.model import BatchStatus, Counters
from tests.properties.conftest import Ground

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(5)", "NAME": "VARCHAR2(40)", "QTY": "NUMBER(9,3)"}
Snapshot = dict[int, tuple[str | None, int | None]]
"""By key: a name, a quantity in thousandths."""

names = st.none() | st.text(st.sampled_from("aA|=\\ي0"), min_size=1, max_size=3)
snapshots = st.dictionaries(st.integers(1, 12), st.tuples(names, st.none() | st.integers(-(10**8), 10**8)), max_size=10)


@settings(max_examples=16, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(snapshots, snapshots, st.sampled_from(["hash", "full"]), st.sampled_from(["keyset", "pages"]))
def test_delta_makes_the_second_snapshot_of_the_first(
    ground: Ground, one: Snapshot, two: Snapshot, strategy: str, paging: str
) -> None:
    ground.clear()
    ground.serve("things", COLUMNS, [])
    ground.configure(f"entities: [{{name: things, business_key: [id], delta_strategy: {strategy}, paging: {paging}}}]")
    before: Snapshot = {}
    for snapshot in (one, two, two):
        rows = [{"ID": str(key), "NAME": name, "QTY": quantity(qty)} for key, (name, qty) in snapshot.items()]
        ground.serve("things", COLUMNS, rows)
        (ended,) = ground.sync("things")
        assert ended.status is BatchStatus.COMPLETED, ended.error_message
        # An empty extract of a table that was not empty is not believed.
        after = snapshot or before
        assert held(ground) == after
        assert written(ended.counters) == expected(before, snapshot, strategy)
        before = after


def quantity(thousandths: int | None) -> str | None:
    return None if thousandths is None else f"{thousandths / 1000:.3f}"


def held(ground: Ground) -> Snapshot:
    rows = ground.target("SELECT id::int, name, (qty * 1000)::bigint FROM things")
    return {key: (name, qty) for key, name, qty in rows}


def written(counted: Counters) -> tuple[int, int, int, int, int]:
    return counted.inserted, counted.updated, counted.unchanged, counted.deleted, counted.withheld


def expected(before: Snapshot, after: Snapshot, strategy: str) -> tuple[int, int, int, int, int]:
    known = before.keys() & after.keys()
    changed = known if strategy == "full" else {key for key in known if before[key] != after[key]}
    gone = len(before.keys() - after.keys())
    deleted, withheld = (gone, 0) if after else (0, gone)
    return len(after.keys() - before.keys()), len(changed), len(known - changed), deleted, withheld
