"""Why a record is, or is not, in the target: every answer, with the way that the record took."""

import pytest

from syncflow.errors import UsageError
from syncflow.runtime import open_runtime
from syncflow.service.explain import Decision, Explanation, Verdict
from tests.engine.conftest import World

pytestmark = pytest.mark.integration

ORDERS = {"NO": "NUMBER(10)", "CUSTOMER": "VARCHAR2(10)", "TOTAL": "NUMBER(12,2)", "PHONE": "VARCHAR2(20)"}
CUSTOMERS = {"ID": "VARCHAR2(10)", "NAME": "VARCHAR2(40)"}
YAML = """
entities:
  - {name: customers, business_key: [id]}
  - name: orders
    business_key: [no]
    mappings:
      - {source: CUSTOMER, target: customer, transformation: lowercase}
      - {source: PHONE, target: phone, mask: true}
    parent_refs: {customer: {entity: customers, fields: {customer: id}}}
"""


def order(number: object, **changed: object) -> dict[str, object]:
    return {"NO": str(number), "CUSTOMER": "C1", "TOTAL": "1,234.50", "PHONE": "4711-99", **changed}


@pytest.fixture
def orders(world: World) -> World:
    world.serve("customers", CUSTOMERS, [{"ID": "C1", "NAME": "One"}])
    world.serve("orders", ORDERS, [order(number) for number in range(1, 31)])
    world.configure(YAML)
    return world


def explain(world: World, *key: str, entity: str = "orders", ask_source: bool = True) -> Explanation:
    with world.runtime() as runtime:
        return runtime.explain.explain(entity, key, ask_source=ask_source)


def test_a_record_that_was_loaded_and_every_step_that_it_took(orders: World) -> None:
    before = explain(orders, "7")
    assert (before.verdict, before.command) == (Verdict.WAITING, "syncflow sync customers")
    orders.sync("customers")
    assert explain(orders, "7").verdict is Verdict.TO_COME
    orders.sync("orders")
    told = explain(orders, " 7 ")
    assert (told.verdict, told.command, told.key) == (Verdict.IN_STEP, None, "no=7")
    assert told.row is not None
    assert told.held is not None
    (row,) = [row for row in orders.rows("orders") if row["no"] == 7]
    assert told.key_hash == told.row.key_hash
    assert told.key_hash in [str(value).removeprefix("\\x") for value in row.values()]
    assert told.held.data_hash == told.row.data_hash
    fields = {field.target: field for field in told.row.fields}
    assert [(step.stage, step.before, step.after) for step in fields["total"].steps] == [
        ("numeric", "1,234.50", "1234.5")
    ]
    assert [(step.stage, step.after, step.rule) for step in fields["customer"].steps] == [
        ("mapping", "c1", "lowercase")
    ]
    assert (fields["no"].in_key, fields["total"].in_key) == (True, False)
    assert told.row.canonical == "customer=c1|no=7|phone=4…|total=1234.5"
    (parent,) = told.row.parents
    assert (parent.entity, parent.key, parent.is_there) == ("customers", "id=C1", True)
    assert [batch.entity_name for batch in told.history.batches] == ["orders"]
    assert "711-99" not in repr([told.row, told.held, told.changes])


def test_what_changed_what_is_gone_and_what_never_was(orders: World) -> None:
    orders.sync("customers", "orders")
    orders.serve("orders", ORDERS, [order(n, TOTAL="9" if n == 3 else "1,234.50") for n in range(1, 30)])
    changed = explain(orders, "no=3")
    assert changed.verdict is Verdict.OUTDATED
    assert [(change.field, change.before, change.after) for change in changed.changes] == [("total", "1234.5", "9")]
    assert explain(orders, "30").verdict is Verdict.GONE
    assert explain(orders, "31").verdict is Verdict.NOT_AT_SOURCE
    orders.serve("orders", ORDERS, [order(1), order(1, TOTAL="2")])
    assert (explain(orders, "1").verdict, explain(orders, "1").rows_at_source) == (Verdict.SEVERAL, 2)
    orders.sync("orders")
    withheld = explain(orders, "20")
    assert withheld.verdict is Verdict.WITHHELD
    assert withheld.command == f"syncflow withheld {withheld.history.withheld[0].batch}"


def test_rows_in_the_queues(orders: World) -> None:
    orders.serve("orders", ORDERS, [order(1, TOTAL="N/A"), order(2, CUSTOMER="C2"), order(3, PHONE="x")])
    refused = explain(orders, "1")
    assert refused.verdict is Verdict.FAILED
    assert refused.row is not None
    assert refused.row.refusal is not None
    assert (refused.row.refusal.stage, refused.row.refusal.field) == ("s4_numeric", "TOTAL")
    orders.sync("customers", "orders")
    failed, waiting = explain(orders, "1"), explain(orders, "2")
    assert failed.verdict is Verdict.FAILED
    assert failed.command == f"syncflow failed show {failed.history.failures[0].uid}"
    assert waiting.verdict is Verdict.WAITING
    assert "customers id=C2" in waiting.sentence
    with orders.runtime() as runtime:
        uid = str(failed.history.failures[0].uid)
        assert runtime.explain.of_queue("orders", failed=uid[:18]).key_hash == failed.key_hash
        assert runtime.explain.of_queue("orders", pending=str(waiting.history.waits[0].uid)).key == "no=2"
        runtime.failed_records.ignore(runtime.failed_records.named([uid]), "a test order")
    ignored = explain(orders, "1")
    assert (ignored.verdict, ignored.command) == (Verdict.IGNORED, f"syncflow failed withdraw {uid}")
    assert [act.act for act in ignored.history.acts] == ["failed_record.ignore"]


def test_a_rowversion_that_increments_pass_by(world: World) -> None:
    columns = {"ID": "NUMBER(5)", "V": "NUMBER(10)"}
    world.serve("things", columns, [{"ID": "1", "V": "100"}])
    world.configure("entities: [{name: things, business_key: [id], delta_strategy: rowversion, rowversion_field: v}]")
    world.sync("things")
    world.serve("things", columns, [{"ID": "1", "V": "100"}, {"ID": "2", "V": "50"}, {"ID": "3", "V": "200"}])
    passed = explain(world, "2", entity="things")
    assert (passed.verdict, passed.command) == (Verdict.PASSED_BY, "syncflow sync things --type full")
    assert explain(world, "3", entity="things").verdict is Verdict.TO_COME
    world.serve("things", columns, [])
    gone = explain(world, "1", entity="things")
    assert gone.verdict is Verdict.GONE
    assert "does not notice deletions" in gone.sentence


def test_without_the_source_the_books_still_tell(orders: World) -> None:
    orders.sync("customers", "orders")
    told = explain(orders, "7", ask_source=False)
    assert (told.verdict, told.row) == (Verdict.UNKNOWN, None)
    assert told.sentence.startswith("ScheduleHub holds it")
    assert told.held is not None


def test_neighbours_that_are_down_and_all_that_is_known_still(orders: World) -> None:
    orders.serve("orders", ORDERS, [order(1), order(2, TOTAL="N/A")])
    orders.sync("customers", "orders")
    nobody = "http://127.0.0.1:9"
    with open_runtime(orders.settings.model_copy(update={"apismith_url": nobody})) as runtime:
        loaded = runtime.explain.explain("orders", ["1"])
        failed = runtime.explain.explain("orders", ["2"])
    assert (loaded.verdict, loaded.held is not None) == (Verdict.UNKNOWN, True)
    assert "cannot be reached" in str(loaded.source_problem)
    assert (failed.verdict, failed.row is not None) == (Verdict.FAILED, True)
    with open_runtime(orders.settings.model_copy(update={"schedulehub_url": nobody})) as runtime:
        told = runtime.explain.explain("orders", ["1"])
    assert (told.verdict, told.row is not None, told.held) == (Verdict.UNKNOWN, True, None)
    assert told.target_problem is not None


def test_a_key_that_the_source_writes_in_another_form(world: World) -> None:
    columns = {"SITE": "VARCHAR2(5)", "DAY": "DATE", "V": "NUMBER(5)"}
    world.serve("plans", columns, [{"SITE": " thr ", "DAY": "2026-02-01T00:00:00", "V": "1"}])
    world.configure(
        "entities: [{name: plans, business_key: [site, day], "
        "mappings: [{source: SITE, target: site, transformation: uppercase}]}]"
    )
    world.sync("plans")
    told = explain(world, "site=THR", "day=2026-02-01", entity="plans")
    assert (told.verdict, told.key) == (Verdict.IN_STEP, "day=2026-02-01T00:00:00|site=THR")
    assert told.rows_read == 1


def test_values_that_somebody_gave_a_row(orders: World) -> None:
    orders.serve("orders", ORDERS, [order(1, TOTAL="N/A")])
    orders.sync("customers", "orders")
    with orders.runtime() as runtime:
        record = runtime.failed_records.named([str(explain(orders, "1").history.failures[0].uid)])
        (uid,) = record.uids or ()
        runtime.failed_records.edit(str(uid), {"TOTAL": "7"})
    told = explain(orders, "1")
    assert (told.verdict, told.decision) == (Verdict.IN_STEP, Decision.UNCHANGED)
    assert "values that somebody gave it" in told.sentence
    assert told.row is not None
    (total,) = [field for field in told.row.fields if field.target == "total"]
    assert [(step.stage, step.before, step.after) for step in total.steps] == [("edit", "N/A", "7")]


def test_personal_data_is_in_no_answer(orders: World) -> None:
    orders.configure(
        "entities: [{name: orders, business_key: [no], mappings: ["
        "{source: PHONE, target: phone, mask: true, validation_rule: 'regex:[0-9]+'}]}]"
    )
    orders.serve("orders", ORDERS, [order(1, PHONE="0912-3456789")])
    orders.sync("orders")
    told = explain(orders, "1")
    assert (told.verdict, len(told.history.failures)) == (Verdict.FAILED, 1)
    assert "3456789" not in repr(told)


@pytest.mark.parametrize(
    ("entity", "key", "said"),
    [
        ("order", ["1"], "did you mean orders"),
        ("orders", [], "The key of orders is no"),
        ("orders", ["1", "2"], "2 values were given for a key of 1"),
        ("orders", ["one"], "This cannot be a key of orders"),
        ("orders", ["no="], "Nothing was given for no"),
    ],
)
def test_what_cannot_be_meant(orders: World, entity: str, key: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        explain(orders, *key, entity=entity)
