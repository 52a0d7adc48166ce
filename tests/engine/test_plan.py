"""A plan is refused with a sentence that names the thing, the place and the remedy."""

from dataclasses import replace

import pytest

from syncflow.engine.plan import Planner, from_json, identity_hash, target_table, to_json, with_new_columns
from syncflow.errors import ConfigurationError
from syncflow.model import ApiColumn, ApiDefinition, DeltaStrategy, Entity, FieldMapping, ParentRef, Transformation
from syncflow.oracle_types import parse

pytestmark = pytest.mark.unit

SITES = Entity("sites", "sites", ("site",), mappings=(FieldMapping("SITE_CODE", "site", Transformation.UPPERCASE),))
ORDERS = Entity(
    "orders",
    "orders",
    ("order_no",),
    DeltaStrategy.ROWVERSION,
    rowversion_field="changed_at",
    parent_refs=(ParentRef("site", "sites", (("site_code", "site"),)),),
)
DEFINITIONS = {
    "sites": ApiDefinition("sites", "Sites", (ApiColumn("SITE_CODE", "CHAR(4)"), ApiColumn("NAME", "VARCHAR2(40)"))),
    "orders": ApiDefinition(
        "orders",
        "Orders",
        (
            ApiColumn("ORDER_NO", "NUMBER(10)"),
            ApiColumn("SITE_CODE", "CHAR(4)"),
            ApiColumn("CHANGED_AT", "TIMESTAMP(6)"),
            ApiColumn("QTY", "NUMBER(12,3)"),
        ),
    ),
}


def planner(*entities: Entity, **definitions: ApiDefinition) -> Planner:
    known = DEFINITIONS | definitions
    observed = {"A": parse("NUMBER"), "B": parse("VARCHAR2(10)")}
    return Planner({entity.name: entity for entity in entities}, known.__getitem__, lambda api: observed)


def test_a_plan_holds_all_that_a_batch_needs_and_survives_storage() -> None:
    plan = planner(SITES, ORDERS).plan("orders")
    assert from_json(to_json(plan)) == plan
    assert [column.target for column in plan.columns] == ["order_no", "site_code", "changed_at", "qty"]
    assert [column.target_type for column in plan.columns] == ["integer", "text", "timestamp", "numeric"]
    (parent,) = plan.parents
    assert parent.keys[0].parent_column.mapping.transformation is Transformation.UPPERCASE
    assert [child.entity for child in planner(SITES, ORDERS).plan("sites").children] == ["orders"]
    table = target_table(plan)
    assert [column.name for column in table.columns if not column.nullable] == ["order_no"]
    assert table.parents == (("site", "sites"),)


def test_only_what_changes_identities_makes_a_whole_comparison() -> None:
    plan = planner(SITES, ORDERS).plan("orders")
    paced = planner(SITES, replace(ORDERS, lookback=60)).plan("orders")
    assert identity_hash(paced) == identity_hash(plan)
    mapped = replace(ORDERS, mappings=(FieldMapping("QTY", "quantity"),))
    assert identity_hash(planner(SITES, mapped).plan("orders")) != identity_hash(plan)
    other_parent = replace(SITES, mappings=(FieldMapping("SITE_CODE", "site"),))
    assert identity_hash(planner(other_parent, ORDERS).plan("orders")) != identity_hash(plan)


def test_columns_that_nobody_declares_have_the_types_of_the_first_page() -> None:
    entity = Entity("things", "things", ("a",), column_types={"B": "CHAR(2)"})
    plan = planner(entity, things=ApiDefinition("things", "Things")).plan("things")
    assert [column.type.declared for column in plan.columns] == ["NUMBER", "CHAR(2)"]


def test_new_columns_join_the_plan_as_text_or_numbers() -> None:
    plan = planner(SITES).plan("sites")
    wider = with_new_columns(plan, {"WEIGHT": parse("NUMBER")})
    assert wider.column("weight").target_type == "numeric"
    with pytest.raises(ConfigurationError, match="would be loaded as name, a name that another column has"):
        with_new_columns(plan, {"name": parse("NUMBER")})


REFUSED = {
    "no such entity": (lambda: planner(SITES).plan("site"), r"no entity 'site' \(did you mean sites\?\)"),
    "key not among the columns": (
        lambda: planner(replace(SITES, business_key=("sit",))).plan("sites"),
        r"sites: business_key: there is no field 'sit' \(did you mean site\?\)",
    ),
    "no key": (lambda: planner(replace(SITES, business_key=())).plan("sites"), "sites has no business_key"),
    "mapping without a column": (
        lambda: planner(replace(SITES, mappings=(FieldMapping("SITE_COD", "site"),))).plan("sites"),
        r"the mapping of SITE_COD has no column.*did you mean SITE_CODE",
    ),
    "two sources for one target": (
        lambda: planner(replace(SITES, mappings=(FieldMapping("SITE_CODE", "name"),))).plan("sites"),
        "SITE_CODE and NAME would both be loaded as name",
    ),
    "a rule that does not compile": (
        lambda: planner(replace(SITES, mappings=(FieldMapping("SITE_CODE", "site", validation_rule="regex:("),))).plan(
            "sites"
        ),
        "site",
    ),
    "a type that nobody knows": (
        lambda: planner(SITES, sites=ApiDefinition("sites", "S", (ApiColumn("SITE_CODE", "SPATIAL"),))).plan("sites"),
        r"column SITE_CODE of the API sites: 'SPATIAL' is not an Oracle type.*set column_types",
    ),
    "parent not configured": (
        lambda: planner(ORDERS).plan("orders"),
        "parent_refs.site refers to the entity 'sites', which is not configured",
    ),
    "half a parent's key": (
        lambda: planner(replace(SITES, business_key=("site", "name")), ORDERS).plan("orders"),
        "must give every field of the business key of sites once: site, name",
    ),
    "rowversion without a field": (
        lambda: planner(SITES, replace(ORDERS, rowversion_field=None)).plan("orders"),
        "goes by rowversion but has no rowversion_field",
    ),
    "lookback on text": (
        lambda: planner(SITES, replace(ORDERS, rowversion_field="site_code", lookback=5)).plan("orders"),
        "a lookback of 5 cannot be taken from site_code, which is text",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    make, message = REFUSED[case]
    with pytest.raises(ConfigurationError, match=message):
        make()
