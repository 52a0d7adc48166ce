"""What AdventureWorks must look like in ScheduleHub, worked out from its CSV files in plain Python: no polars, none of
the product's code."""

import csv
import json
import os
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import yaml

FOLDER = Path(
    os.environ.get("SYNCFLOW_ADVENTUREWORKS") or Path(__file__).parents[2].parent / "shared" / "data" / "adventureworks"
)

Value = str | Decimal | datetime | bytes | None
Row = dict[str, Value]

_INVISIBLE = {chr(c) for c in (*range(0x00, 0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0))} | set(
    "\ufeff\u200b\u2060\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_BLANKS = re.compile("[ \t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")


@dataclass(frozen=True)
class Expected:
    """One table: its rows by their key as text, and each row's parents as (reference, parent entity, parent key)."""

    rows: dict[tuple[str, ...], Row]
    parents: dict[tuple[str, ...], list[tuple[str, str, tuple[str, ...] | None]]]
    must_fail: int


def entities() -> list[dict]:
    return yaml.safe_load((FOLDER / "entities.yaml").read_text(encoding="utf-8"))["entities"]


def expected(entity: dict) -> Expected:
    types = _types(entity["api"])
    mappings = {mapping["source"]: mapping for mapping in entity["mappings"]}
    rows: dict[tuple[str, ...], Row] = {}
    parents: dict[tuple[str, ...], list[tuple[str, str, tuple[str, ...] | None]]] = {}
    must_fail = 0
    with (FOLDER / f"{entity['api']}.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            row = {mappings[name]["target"]: _value(text, types[name], mappings[name]) for name, text in record.items()}
            key = tuple(as_text(row[name]) for name in entity["business_key"])
            if "" in key:
                must_fail += 1
                continue
            rows[key] = row
            parents[key] = [
                (name, ref["entity"], _parent_key(row, ref["fields"]))
                for name, ref in (entity.get("parent_refs") or {}).items()
            ]
    return Expected(rows, parents, must_fail)


def as_text(value: Value) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return "" if value is None else str(value)


def _types(api: str) -> dict[str, str]:
    definition = json.loads((FOLDER / f"{api}.json").read_text(encoding="utf-8"))["definition"]
    return {column["name"]: column["data_type"] for column in definition["columns"]}


def _parent_key(row: Row, fields: dict[str, str]) -> tuple[str, ...] | None:
    key = tuple(as_text(row[child]) for child in fields)
    return None if "" in key else key


def _value(text: str, declared: str, mapping: dict) -> Value:
    if text == "":
        return None
    if declared.startswith("NUMBER"):
        return Decimal(text)
    if declared.startswith(("TIMESTAMP", "DATE")):
        return datetime.fromisoformat(text)
    if declared.startswith("RAW"):
        return bytes.fromhex(text)
    cleaned = _clean(text, lines_keep_blanks=declared.startswith("CLOB"))
    if cleaned is not None and mapping.get("transformation") == "uppercase":
        return cleaned.upper()
    return cleaned


def _clean(text: str, *, lines_keep_blanks: bool) -> str | None:
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(character for character in text if character not in _INVISIBLE)
    if not lines_keep_blanks:
        text = "\n".join(_BLANKS.sub(" ", line) for line in text.split("\n"))
    return text.strip(" \t\n\u00a0\u3000") or None
