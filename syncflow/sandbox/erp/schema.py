"""The tables of the built-in ERP, parents before children."""

from collections.abc import Mapping
from dataclasses import dataclass

from syncflow.sandbox.apismith.definition import Definition, parse_definition


@dataclass(frozen=True)
class ParentRef:
    """A reference to the key of another table: pairs of own column and the parent's column."""

    name: str
    slug: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ErpTable:
    """`columns` are name and Oracle type. `must_fail` names the columns in which a row may hold what nobody can read:
    a number, a date, a part of the key; only tables without children have it, so that nothing waits for such a row."""

    slug: str
    description: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    strategy: str
    rowversion: str | None = None
    parents: tuple[ParentRef, ...] = ()
    must_fail: tuple[str, str, str] | None = None

    def definition(self) -> Definition:
        return parse_definition(
            {
                "slug": self.slug,
                "name": self.slug.replace("_", " ").capitalize(),
                "description": self.description,
                "connector_uid": "erp-sandbox",
                "columns": [
                    {"name": name, "data_type": data_type, "nullable": name not in self.key}
                    for name, data_type in self.columns.items()
                ],
                "business_key_columns": list(self.key),
                "rowversion_column": self.rowversion,
                "delta_strategy": self.strategy,
            }
        )


_SITE = ParentRef("site", "sites", (("SITE_CODE", "SITE_CODE"),))
_ITEM = ParentRef("item", "items", (("ITEM_NO", "ITEM_NO"),))
_ORDER = ParentRef("sales_order", "sales_orders", (("ORDER_NO", "ORDER_NO"),))

SITES = ErpTable(
    slug="sites",
    description="Plants and warehouses",
    columns={
        "SITE_CODE": "CHAR(6)",
        "SITE_NAME": "VARCHAR2(80)",
        "COUNTRY": "CHAR(2)",
        "IS_ACTIVE": "CHAR(1)",
        "OPENED_ON": "DATE",
    },
    key=("SITE_CODE",),
    strategy="full",
)
WORK_AREAS = ErpTable(
    slug="work_areas",
    description="Where work is done, by site",
    columns={
        "SITE_CODE": "CHAR(6)",
        "AREA_CODE": "VARCHAR2(10)",
        "AREA_NAME": "VARCHAR2(80)",
        "CAPACITY_HOURS": "NUMBER(8,2)",
    },
    key=("SITE_CODE", "AREA_CODE"),
    strategy="full",
    parents=(_SITE,),
)
CUSTOMERS = ErpTable(
    slug="customers",
    description="Who buys",
    columns={
        "CUSTOMER_NO": "VARCHAR2(10)",
        "NAME": "VARCHAR2(120)",
        "CITY": "VARCHAR2(60)",
        "PHONE": "VARCHAR2(30)",
        "CREDIT_LIMIT": "NUMBER(18,2)",
        "CUSTOMER_SINCE": "DATE",
        "NOTES": "CLOB",
    },
    key=("CUSTOMER_NO",),
    strategy="hash",
)
SUPPLIERS = ErpTable(
    slug="suppliers",
    description="Who sells to us",
    columns={
        "SUPPLIER_ID": "NUMBER(10)",
        "NAME": "VARCHAR2(120)",
        "COUNTRY": "CHAR(2)",
        "TAX_CODE": "VARCHAR2(20)",
        "RATING": "NUMBER(3,1)",
        "APPROVED_AT": "TIMESTAMP(6) WITH TIME ZONE",
    },
    key=("SUPPLIER_ID",),
    strategy="hash",
)
ITEMS = ErpTable(
    slug="items",
    description="What is made, bought and sold",
    columns={
        "ITEM_NO": "VARCHAR2(20)",
        "DESCRIPTION": "VARCHAR2(200)",
        "UOM": "CHAR(3)",
        "SUPPLIER_ID": "NUMBER(10)",
        "STANDARD_COST": "NUMBER(19,6)",
        "CONVERSION_FACTOR": "NUMBER",
        "LEAD_TIME_DAYS": "NUMBER(5)",
        "DRAWING": "RAW(8)",
        "ROWVERSION": "NUMBER(20)",
    },
    key=("ITEM_NO",),
    strategy="hash",
    rowversion="ROWVERSION",
    parents=(ParentRef("supplier", "suppliers", (("SUPPLIER_ID", "SUPPLIER_ID"),)),),
)
BOM_LINES = ErpTable(
    slug="bom_lines",
    description="Components of assemblies, five levels deep",
    columns={
        "PARENT_ITEM_NO": "VARCHAR2(20)",
        "LINE_NO": "NUMBER(5)",
        "COMPONENT_ITEM_NO": "VARCHAR2(20)",
        "BOM_LEVEL": "NUMBER(2)",
        "QTY_PER": "NUMBER(12,4)",
        "VALID_FROM": "DATE",
        "VALID_TO": "DATE",
    },
    key=("PARENT_ITEM_NO", "LINE_NO"),
    strategy="hash",
    parents=(
        ParentRef("parent_item", "items", (("PARENT_ITEM_NO", "ITEM_NO"),)),
        ParentRef("component", "items", (("COMPONENT_ITEM_NO", "ITEM_NO"),)),
    ),
    must_fail=("QTY_PER", "VALID_FROM", "LINE_NO"),
)
SALES_ORDERS = ErpTable(
    slug="sales_orders",
    description="Orders of customers",
    columns={
        "ORDER_NO": "VARCHAR2(12)",
        "CUSTOMER_NO": "VARCHAR2(10)",
        "SITE_CODE": "CHAR(6)",
        "ORDER_DATE": "DATE",
        "STATUS": "VARCHAR2(10)",
        "CURRENCY": "CHAR(3)",
        "TOTAL": "NUMBER(18,2)",
        "PROMISED_AT": "TIMESTAMP(6) WITH TIME ZONE",
        "LAST_UPDATED": "TIMESTAMP(6)",
    },
    key=("ORDER_NO",),
    strategy="rowversion",
    rowversion="LAST_UPDATED",
    parents=(ParentRef("customer", "customers", (("CUSTOMER_NO", "CUSTOMER_NO"),)), _SITE),
)
SALES_ORDER_LINES = ErpTable(
    slug="sales_order_lines",
    description="What was ordered",
    columns={
        "ORDER_NO": "VARCHAR2(12)",
        "LINE_NO": "NUMBER(5)",
        "ITEM_NO": "VARCHAR2(20)",
        "QTY": "NUMBER(12,3)",
        "UNIT_PRICE": "NUMBER(18,4)",
        "DISCOUNT": "NUMBER(5,2)",
        "DUE_DATE": "DATE",
        "REMARK": "VARCHAR2(200)",
        "ROWVERSION": "NUMBER(20)",
    },
    key=("ORDER_NO", "LINE_NO"),
    strategy="rowversion",
    rowversion="ROWVERSION",
    parents=(_ORDER, _ITEM),
    must_fail=("QTY", "DUE_DATE", "ORDER_NO"),
)
WORK_ORDERS = ErpTable(
    slug="work_orders",
    description="What is being made",
    columns={
        "WO_ID": "NUMBER(12)",
        "ITEM_NO": "VARCHAR2(20)",
        "SITE_CODE": "CHAR(6)",
        "AREA_CODE": "VARCHAR2(10)",
        "ORDER_NO": "VARCHAR2(12)",
        "QTY_ORDERED": "NUMBER(12,3)",
        "QTY_DONE": "NUMBER(12,3)",
        "START_AT": "DATE",
        "STATUS": "VARCHAR2(10)",
        "LAST_UPDATED": "TIMESTAMP(6)",
    },
    key=("WO_ID",),
    strategy="hash",
    rowversion="LAST_UPDATED",
    parents=(
        _ITEM,
        ParentRef("work_area", "work_areas", (("SITE_CODE", "SITE_CODE"), ("AREA_CODE", "AREA_CODE"))),
        _ORDER,
    ),
    must_fail=("QTY_ORDERED", "START_AT", "WO_ID"),
)
INVENTORY = ErpTable(
    slug="inventory",
    description="Stock by item and site",
    columns={
        "ITEM_NO": "VARCHAR2(20)",
        "SITE_CODE": "CHAR(6)",
        "QTY_ON_HAND": "NUMBER(15,3)",
        "UNIT_VALUE": "NUMBER(19,6)",
        "COUNTED_ON": "DATE",
        "BIN": "VARCHAR2(12)",
    },
    key=("ITEM_NO", "SITE_CODE"),
    strategy="hash",
    parents=(_ITEM, _SITE),
    must_fail=("QTY_ON_HAND", "COUNTED_ON", "SITE_CODE"),
)

TABLES = (
    SITES,
    WORK_AREAS,
    CUSTOMERS,
    SUPPLIERS,
    ITEMS,
    BOM_LINES,
    SALES_ORDERS,
    SALES_ORDER_LINES,
    WORK_ORDERS,
    INVENTORY,
)
