"""A group of failed records, a rule that mends it, and what the rule does from then on."""

import pytest

from syncflow.errors import ConfigurationError, UsageError
from syncflow.model import BatchStatus, Replacement
from syncflow.service.remedies import Remedy
from syncflow.store.failed_filter import FailedFilter
from tests.engine.conftest import World

pytestmark = pytest.mark.integration

COLUMNS = {"ID": "NUMBER(10)", "NAME": "VARCHAR2(40)", "QTY": "NUMBER(10,2)", "MADE": "DATE"}
THINGS = "entities: [{name: things, business_key: [id]%s}]"
CHOSEN = FailedFilter(entity="things", field="QTY")
NULL = Remedy("QTY", Replacement(match="N/A"))


def thing(number: int, quantity: str | None = "1", made: str = "2026-01-02") -> dict[str, object]:
    return {"ID": str(number), "NAME": f"n{number}", "QTY": quantity, "MADE": made}


ROWS = [
    *(thing(n) for n in range(1, 11)),
    *(thing(n, "N/A") for n in range(11, 16)),
    thing(16, "seven"),
    thing(17, "N/A", made="soon"),
]


def start(world: World, options: str = "") -> None:
    world.serve("things", COLUMNS, ROWS)
    world.configure(THINGS % options)
    world.sync_one("things")


def test_from_group_to_preview_to_a_rule_that_holds(world: World) -> None:
    start(world)
    with world.runtime() as runtime:
        group, other = runtime.remedies.groups(FailedFilter(field="QTY"))
        assert (group.entity, group.field, group.error_type, group.rows) == ("things", "QTY", "not_a_number", 6)
        assert group.samples == ("N/A",)
        assert (other.rows, other.samples) == (1, ("seven",))
        previewed = runtime.remedies.preview(CHOSEN, NULL)
        assert (previewed.rows, previewed.touched, previewed.pass_now) == (7, 6, 5)
        assert {rows for _, rows in previewed.reasons} == {1}
        assert [(sample.before, sample.after) for sample in previewed.samples] == [("N/A", None)]
        assert (previewed.looked_at, previewed.also_changed) == (len(ROWS), 0)
        assert world.metadata("SELECT count(*) FROM failed_records WHERE resolved_at IS NULL") == [(7,)]
        applied = runtime.remedies.apply(CHOSEN, NULL)
        assert applied.entity.version == 2
        assert [done.tally.passed for done in applied.retried.retried] == [5]
        assert [rule.replacement for rule in runtime.remedies.rules("things")] == [NULL.replacement]
        acts = world.metadata("SELECT act, actor FROM audit_log WHERE act = 'entity.update'")
        assert len(acts) == 1
    ended = world.sync_one("things")
    assert (ended.counters.unchanged, ended.counters.failed) == (15, 2)
    with world.runtime() as runtime:
        assert "match: N/A" in runtime.entities.export_yaml([])
        runtime.entities.import_yaml(runtime.entities.export_yaml([]), "again.yaml")
        assert runtime.remedies.remove("things", "QTY", 1).version == 3
        with pytest.raises(UsageError, match="no rule number 1 for QTY"):
            runtime.remedies.remove("things", "QTY", 1)
    assert world.sync_one("things").counters.failed == 7


def test_rules_that_fit_nothing_or_everything_or_cannot_be(world: World) -> None:
    start(world)
    with world.runtime() as runtime:
        nothing = runtime.remedies.preview(CHOSEN, Remedy("QTY", Replacement(match="nobody", to="1")))
        assert (nothing.touched, nothing.pass_now, nothing.also_changed) == (0, 0, 0)
        everything = runtime.remedies.preview(CHOSEN, Remedy("qty", Replacement(pattern=".*", to="5")))
        assert (everything.touched, everything.pass_now, everything.also_changed) == (7, 6, 10)
        with pytest.raises(ConfigurationError, match="no regular expression"):
            runtime.remedies.preview(CHOSEN, Remedy("QTY", Replacement(pattern="(", to="5")))
        with pytest.raises(ConfigurationError, match="part of the business key"):
            runtime.remedies.apply(CHOSEN, Remedy("ID", Replacement(match="1", to="2")))
        with pytest.raises(UsageError, match="has no field 'COLOUR'"):
            runtime.remedies.preview(CHOSEN, Remedy("COLOUR", Replacement(match="a")))
        with pytest.raises(UsageError, match="name it with --entity"):
            runtime.remedies.preview(FailedFilter(), NULL)
        assert world.metadata("SELECT version FROM entity_config") == [(1,)]


def test_a_default_mends_rows_whose_required_field_is_null(world: World) -> None:
    world.serve("things", COLUMNS, [thing(1), thing(2, None)])
    world.configure(THINGS % ", mappings: [{source: QTY, required: true}]")
    assert world.sync_one("things").counters.failed == 1
    with world.runtime() as runtime:
        (group,) = runtime.remedies.groups(FailedFilter())
        remedy = Remedy("QTY", default="0")
        chosen = FailedFilter(entity="things", field=group.field)
        assert runtime.remedies.preview(chosen, remedy).pass_now == 1
        runtime.remedies.apply(chosen, remedy)
    assert world.sync_one("things").status is BatchStatus.COMPLETED


def test_masked_fields_are_shown_nowhere(world: World) -> None:
    start(world, ", mappings: [{source: QTY, mask: true}]")
    with world.runtime() as runtime:
        (group, _) = runtime.remedies.groups(FailedFilter(field="QTY"))
        assert group.samples == ("N…",)
        assert "N/A" not in group.message
        previewed = runtime.remedies.preview(CHOSEN, Remedy("QTY", Replacement(match="N/A", to="12")))
        assert "seven" not in str(previewed)
        assert "'12'" not in str(previewed)
        records = runtime.failed_records.page(FailedFilter(field="QTY"), None, 100)
        assert "seven" not in str(records)
        detail = runtime.failed_records.get(str(records[0].uid))
        assert "seven" not in str(detail)
        assert "N/A" not in str(detail)
