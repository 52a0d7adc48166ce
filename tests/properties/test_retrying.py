"""Trying failed records again, and again, is as trying them once; what was mended is loaded by the first time."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncflow.errors import UsageError
from syncflow.store.failed_filter import FailedFilter
from tests.properties.conftest import Ground

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(5)", "QTY": "NUMBER(5,2)", "DUE": "DATE"}
AS_IT_IS = "entities: [{name: things, business_key: [id]}]"
MENDED = "entities: [{name: things, business_key: [id], mappings: [{source: QTY, replacements: [{match: N/A}]}]}]"
Row = tuple[int, str | None, str | None]

rows = st.lists(
    st.tuples(
        st.integers(1, 30),
        st.sampled_from(["1", None, "N/A", "1,5"]),
        st.sampled_from(["2024-02-29", None, "2023-02-29"]),
    ),
    max_size=9,
    unique_by=lambda row: row[0],
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, st.integers(1, 2))
def test_retrying_is_idempotent(ground: Ground, made: list[Row], times: int) -> None:
    ground.clear()
    ground.serve("things", COLUMNS, [{"ID": str(key), "QTY": qty, "DUE": due} for key, qty, due in made])
    ground.configure(AS_IT_IS)
    ground.sync("things")
    for yaml, passing in ((AS_IT_IS, ("1", None)), (MENDED, ("1", None, "N/A"))):
        ground.configure(yaml)
        retry(ground)
        once = standing(ground)
        for _ in range(times):
            retry(ground)
            assert standing(ground) == once
        good = sorted(key for key, qty, due in made if qty in passing and due != "2023-02-29")
        assert [key for key, *_ in once[0]] == good
        assert sorted(key for key, *_ in once[1]) == sorted({key for key, _, _ in made} - set(good))


def retry(ground: Ground) -> None:
    """All of them; where there is none, it is refused."""
    if ground.books("SELECT count(*) FROM failed_records WHERE resolved_at IS NULL") == [(0,)]:
        with pytest.raises(UsageError, match="No open failed record"):
            ground.runtime.failed_records.retry(FailedFilter())
    else:
        ground.runtime.failed_records.retry(FailedFilter())


def standing(ground: Ground) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The target's rows as they were written, and the open records but for when they were tried."""
    target = ground.target(
        "SELECT id::int, qty, due, _bridge_uid, _bridge_updated_at, xmin::text FROM things ORDER BY 1"
    )
    records = ground.books(
        "SELECT (raw_data->>'ID')::int, key_hash, raw_hash, stage_failed, field, error_message FROM failed_records "
        "WHERE resolved_at IS NULL ORDER BY 1"
    )
    return target, records
