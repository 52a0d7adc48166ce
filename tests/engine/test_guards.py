"""What stops an entity: too many rows that fail, and a source that changed its form under a frozen entity."""

from contextlib import nullcontext
from uuid import UUID

import polars as pl
import pytest

from syncflow.chunk import ROW, Chunk, rejections
from syncflow.engine.error_rate import ErrorLimit, ErrorRate, TooManyErrors
from syncflow.events import BatchEnded
from syncflow.model import BatchStatus, Counters, SyncType
from syncflow.runtime import open_runtime
from syncflow.stages.s9_load import Loaded
from tests.engine.conftest import World

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(10)", "QTY": "NUMBER(15,3)", "NOTE": "VARCHAR2(40)"}
BY_VERSION = "entities: [{name: things, business_key: [id], delta_strategy: rowversion, rowversion_field: id}]"
THINGS = "entities: [{{name: things, business_key: [id], drift_mode: {mode}}}]"


def thing(number: int, qty: str | None = "1", note: str | None = "n", **more: str) -> dict:
    return {"ID": str(number), "QTY": qty, "NOTE": note, **more}


def sync(world: World, chunk_rows: int = 100, **settings: float) -> BatchEnded:
    changed = {"sync_chunk_rows": chunk_rows, "max_batch_size": 100, "default_batch_size": 100, **settings}
    with open_runtime(world.settings.model_copy(update=changed)) as runtime:
        return runtime.batches.sync(["things"], SyncType.INCREMENTAL)[0]


def failing(rows: int, every: int) -> list[dict]:
    return [thing(number, "N/A" if number % every == every - 1 else "1") for number in range(rows)]


def test_too_many_rows_that_fail_stop_the_entity(world: World) -> None:
    world.serve("things", COLUMNS, failing(3_000, 4))
    world.configure(BY_VERSION)
    ended = sync(world)
    assert ended.status is BatchStatus.FAILED
    counters, told = ended.counters, ended.error_message or ""
    assert f"{counters.failed} of the first {counters.fetched:,} rows failed, more than the 20 %" in told
    assert f"{counters.failed} QTY not_a_number, such as: 'N/A' is not a number" in told
    assert f"syncflow status {ended.batch}" in told
    assert counters.settled == counters.fetched
    assert 1_000 <= counters.fetched < 1_300
    assert world.metadata("SELECT count(*)::int FROM failed_records WHERE resolved_at IS NULL") == [(counters.failed,)]
    assert world.metadata("SELECT watermark FROM erp_sync_state") == []
    again = sync(world, error_rate_limit=25.0)
    assert again.batch != ended.batch
    assert (again.status, again.counters.fetched) == (BatchStatus.COMPLETED_WITH_ERRORS, 3_000)


@pytest.mark.parametrize(("rows", "every"), [(3_000, 5), (999, 2)])
def test_a_fifth_and_small_batches_go_through(world: World, rows: int, every: int) -> None:
    world.serve("things", COLUMNS, failing(rows, every))
    world.configure(BY_VERSION)
    assert sync(world).status is BatchStatus.COMPLETED_WITH_ERRORS


def rejected(rows: int, temporary: int, ignored: int) -> tuple[Counters, Loaded]:
    """What came of a chunk of which all rows were rejected."""
    chunk = Chunk.of(0, pl.DataFrame({"ID": [str(number) for number in range(rows)]}))
    chunk = chunk.reject(rejections(chunk.rows, "s9_load", "QTY", "refused", "no"))
    loaded = Loaded(chunk, pl.DataFrame(schema={ROW: pl.UInt32}), chunk.rejected.select(ROW).head(temporary))
    return Counters(fetched=10 * rows, failed=rows, ignored=ignored), loaded


@pytest.mark.parametrize(
    ("temporary", "ignored", "stops"), [(0, 0, True), (60, 0, False), (0, 60, False), (40, 0, True)]
)
def test_rows_that_a_busy_target_refuses_or_somebody_ignores_do_not_count(
    temporary: int, ignored: int, stops: bool
) -> None:
    rate = ErrorRate(ErrorLimit(5.0, 1_000), "things", UUID(int=1))
    with pytest.raises(TooManyErrors, match=r"(100|60) of") if stops else nullcontext():
        rate.take(*rejected(100, temporary, ignored))


def drifted(world: World, mode: str, columns: dict[str, str], rows: list[dict]) -> BatchEnded:
    """The second sync of an entity whose source has changed its form in the meantime."""
    world.serve("things", COLUMNS, [thing(1), thing(2), thing(3)])
    world.configure(THINGS.format(mode=mode))
    world.sync_one("things")
    world.serve("things", columns, rows)
    return world.sync_one("things")


APPEARED = (
    {**COLUMNS, "COLOUR": "VARCHAR2(20)"},
    [thing(n, COLOUR="red") for n in (1, 2, 3)],
    "COLOUR: new, VARCHAR2(20)",
)
RETYPED = (
    {**COLUMNS, "QTY": "VARCHAR2(20)"},
    [thing(n, "two") for n in (1, 2, 3)],
    "QTY: NUMBER(15,3) -> VARCHAR2(20)",
)
VANISHED = (
    {"ID": "NUMBER(10)", "QTY": "NUMBER(15,3)"},
    [thing(n) for n in (1, 2, 3)],
    "NOTE: gone (it was VARCHAR2(40))",
)
EMPTIED = (COLUMNS, [{"ID": str(n), "QTY": "1"} for n in (1, 2, 3)], "NOTE had values before")


@pytest.mark.parametrize(("columns", "rows", "told"), [APPEARED, RETYPED, VANISHED, EMPTIED])
def test_a_frozen_entity_stops_before_anything_is_loaded(
    world: World, columns: dict[str, str], rows: list[dict], told: str
) -> None:
    changed = [{**row, "QTY": "5"} if row["QTY"] == "1" else row for row in rows]
    ended = drifted(world, "freeze", columns, changed)
    assert (ended.status, ended.counters.fetched) == (BatchStatus.FAILED, 0)
    assert told in (ended.error_message or "")
    assert "drift_mode=evolve" in (ended.error_message or "")
    assert world.values("things", "id", "qty", "note") == [(n, 1, "n") for n in (1, 2, 3)]


def test_a_new_column_and_another_type_widen_the_target(world: World) -> None:
    columns = {**COLUMNS, "QTY": "VARCHAR2(20)", "COLOUR": "VARCHAR2(20)"}
    ended = drifted(world, "evolve", columns, [thing(n, "two", COLOUR="red") for n in (1, 2, 3)])
    assert ended.status is BatchStatus.COMPLETED
    said = "the source has changed: COLOUR: new, VARCHAR2(20); QTY: NUMBER(15,3) -> VARCHAR2(20)"
    assert any(said in note for note in ended.notes)
    assert world.values("things", "qty", "colour") == [("two", "red")] * 3
    assert not any("the source has changed" in note for note in world.sync_one("things").notes)


def test_a_column_that_vanished_from_the_definition_keeps_its_values(world: World) -> None:
    ended = drifted(world, "evolve", *VANISHED[:2])
    assert any("NOTE: gone" in note and "keeps the values" in note for note in ended.notes)
    assert world.values("things", "id", "note") == [(n, "n") for n in (1, 2, 3)]


def test_a_column_without_any_value_is_loaded_as_the_source_says_and_it_is_said(world: World) -> None:
    ended = drifted(world, "evolve", *EMPTIED[:2])
    assert any("NOTE had values before" in note for note in ended.notes)
    assert world.values("things", "note") == [(None,)] * 3
    assert not any("had values" in note for note in world.sync_one("things").notes)


def test_what_somebody_configured_is_no_drift(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), thing(2)])
    world.configure(THINGS.format(mode="evolve"))
    world.sync_one("things")
    world.serve("things", {**COLUMNS, "COLOUR": "VARCHAR2(20)"}, [thing(1, COLOUR="red"), thing(2)])
    world.execute("ALTER TABLE things ADD COLUMN colour text, ALTER COLUMN qty TYPE text")
    mine = ", column_types: {QTY: VARCHAR2(20)}, mappings: [{source: COLOUR, target: colour}]}]"
    world.configure(THINGS.format(mode="freeze").replace("}]", mine))
    ended = world.sync_one("things")
    assert (ended.status, ended.error_message) == (BatchStatus.COMPLETED, None)
    assert world.values("things", "colour") == [("red",), (None,)]


def test_types_that_nobody_declares_stay_as_they_were_seen_first(world: World) -> None:
    world.serve("things", {}, [{"ID": 1, "CODE": "A"}, {"ID": 2, "CODE": "B"}])
    world.configure(THINGS.format(mode="freeze"))
    assert world.sync_one("things").error_message is None
    world.serve("things", {}, [{"ID": 1, "CODE": 7}, {"ID": 2, "CODE": 8}])
    assert world.sync_one("things").error_message is None
    assert world.values("things", "code") == [("7",), ("8",)]
