"""What becomes of a row that a source sends: the plain-Python truth that every wire is compared with.

Written from the description of the stages, a row and a value at a time: no polars, nothing of the product. A row goes
the way of the nine stages as far as its identity: it is read (stage 1), becomes canonical (2 to 5, `reference_values`),
is mapped (6) and gets its canonical text and hashes (7); `operations` says what a first load does with rows (8).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import blake3
import xxhash

from tests.exactness import reference_values as values
from tests.exactness.reference_values import CHARACTERS, Fault, family

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Cell:
    """A value as an ERP sends it. `form` is `text`, `number` (a JSON number's token), `boolean` (`true`, `false`) or
    `nested` (JSON text of a list or an object); `text` is None for null."""

    text: str | None
    form: str = "text"

    @property
    def is_text(self) -> bool:
        return self.form == "text" and self.text is not None


Row = Sequence[tuple[str, Cell]]
"""The members of a row in their order; a key may be missing, unknown, or stand twice."""
Raw = dict[str, str | None]


@dataclass(frozen=True)
class Column:
    declared: str
    source: str
    target: str
    fold: bool = False
    transformation: str = "none"
    default: str | None = None
    required: bool = False
    rule: str | None = None


@dataclass(frozen=True)
class Entity:
    name: str
    columns: tuple[Column, ...]
    business_key: tuple[str, ...]
    comma: bool = False
    order: str = "DMY"
    hash_exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rejected:
    """`field` is the source name up to stage 5, the target name from stage 6 on."""

    stage: str
    field: str | None
    error_type: str


@dataclass(frozen=True)
class Identified:
    """A row behind stage 7, by target names."""

    values: Mapping[str, str | None]
    ref: str
    bk_hash: str
    data_hash: str


Outcome = Identified | Rejected


def is_readable(row: Row) -> bool:
    """A key that stands twice leaves open which value is meant, and half of a surrogate pair is no character."""
    keys = [key for key, _ in row]
    texts = [*keys, *(cell.text for _, cell in row if cell.is_text and cell.text is not None)]
    return len(set(keys)) == len(keys) and not any(_SURROGATE.search(text) for text in texts)


def raw(row: Row, *, comma: bool) -> Raw:
    """Values exactly as sent; a bare number is written as the source writes numbers in texts."""
    return {key: _token(cell, comma) for key, cell in row}


def _token(cell: Cell, comma: bool) -> str | None:
    if cell.text is not None and cell.form == "number" and comma:
        return cell.text.replace(".", ",")
    return cell.text


def observed(rows: Sequence[Row], name: str) -> str | None:
    """The type of a column that nobody declared: text unless every value is a JSON number or boolean; None without a
    value. Of a row that cannot be read counts what is certain."""
    forms = {cell.form for row in rows for cell in _certain(row, name) if cell.text is not None}
    if not forms:
        return None
    return {"number": "NUMBER", "boolean": "BOOLEAN"}.get(forms.pop(), "VARCHAR2") if len(forms) == 1 else "VARCHAR2"


def _certain(row: Row, name: str) -> list[Cell]:
    cells = [cell for key, cell in row if key == name]
    return cells if len(cells) == 1 and is_readable([(name, cells[0])]) else []


def expect(entity: Entity, row: Row) -> Outcome:
    """A row from the wire to its identity, or where it leaves the way, and why."""
    if not is_readable(row):
        return Rejected("s1_fetch", None, "unreadable_row")
    return identify(entity, raw(row, comma=entity.comma))


def identify(entity: Entity, sent: Raw) -> Outcome:
    """A row from its raw values to its identity. A stage works on all fields before the next one begins."""
    fields = {column.source: sent.get(column.source) for column in entity.columns}
    for stage, rule in _SOURCE_STAGES:
        for column in entity.columns:
            try:
                fields[column.source] = _unless_null(rule, fields[column.source], column, entity)
            except Fault as fault:
                return Rejected(stage, column.source, str(fault))
    mapped: Raw = {}
    for column in entity.columns:
        try:
            mapped[column.target] = _mapped(fields[column.source], column)
        except Fault as fault:
            return Rejected("s6_mapping", column.target, str(fault))
    for name in entity.business_key:
        if mapped[name] is None:
            return Rejected("s7_identity", name, "null_key")
    return _identified(entity, mapped)


def _identified(entity: Entity, mapped: Raw) -> Identified:
    ref = canonical({name: mapped[name] for name in entity.business_key})
    data = canonical({name: value for name, value in mapped.items() if name not in entity.hash_exclude})
    return Identified(
        mapped,
        ref,
        xxhash.xxh3_128_hexdigest(f"{entity.name}|{ref}".encode()),
        blake3.blake3(data.encode()).hexdigest(),
    )


def canonical(record: Mapping[str, str | None]) -> str:
    """Canonical text, version 1."""
    present = sorted((name, value) for name, value in record.items() if value is not None)
    return "|".join(f"{_escaped(name)}={_escaped(value)}" for name, value in present)


def _escaped(text: str) -> str:
    return "".join("\\" + sign if sign in "\\|=" else sign for sign in text)


def operations(outcomes: Sequence[Outcome], held: Mapping[str, str]) -> list[str]:
    """Stage 8 for one chunk, by hashes, without a rowversion: for each row `rejected`, or what is done with it. `held`
    is what the target holds: BK_HASH -> DATA_HASH."""
    found = [each for each in outcomes if isinstance(each, Identified)]
    versions = Counter(key for key, _ in {(each.bk_hash, each.data_hash) for each in found})
    seen: set[str] = set()
    told = []
    for each in outcomes:
        if isinstance(each, Rejected) or versions[each.bk_hash] > 1:
            told.append("rejected")
        elif each.bk_hash in seen:
            told.append("duplicate")
        else:
            same = held.get(each.bk_hash) == each.data_hash
            told.append("unchanged" if same else "update" if each.bk_hash in held else "insert")
            seen.add(each.bk_hash)
    return told


_Rule = Callable[[str, Column, Entity], str | None]


def _unless_null(rule: _Rule, value: str | None, column: Column, entity: Entity) -> str | None:
    return None if value is None else rule(value, column, entity)


def _coerce(value: str, column: Column, entity: Entity) -> str | None:
    return values.coerce(value, column.declared)


def _clean(value: str, column: Column, entity: Entity) -> str | None:
    kind = family(column.declared)
    return values.clean(value, is_clob=kind == "clob", fold=column.fold) if kind in CHARACTERS else value


def _number(value: str, column: Column, entity: Entity) -> str | None:
    if family(column.declared) not in ("number", "double"):
        return value
    return values.number(value, column.declared, comma=entity.comma)


def _moment(value: str, column: Column, entity: Entity) -> str | None:
    return values.moment(value, order=entity.order) if family(column.declared) == "date" else value


_SOURCE_STAGES: tuple[tuple[str, _Rule], ...] = (
    ("s2_coercion", _coerce),
    ("s3_string", _clean),
    ("s4_numeric", _number),
    ("s5_datetime", _moment),
)


def _mapped(value: str | None, column: Column) -> str | None:
    """Stage 6. NULL breaks no rule."""
    if value is not None and column.transformation != "none":
        value = values.nfc(_TRANSFORMATIONS[column.transformation](value))
        value = value if value.strip(values.WHITE) else None
    value = column.default if value is None else value
    if value is None and column.required:
        raise Fault("required_missing")
    if value is not None and column.rule is not None and not _keeps(value, column.rule):
        raise Fault("rule_violated")
    return value


_TRANSFORMATIONS: Mapping[str, Callable[[str], str]] = {
    "uppercase": str.upper,
    "lowercase": str.lower,
    "trim": lambda text: text.strip(values.WHITE),
    "capitalize": lambda text: text[:1].upper() + text[1:].lower(),
    "strip_whitespace": lambda text: "".join(sign for sign in text if sign not in values.WHITE),
    "remove_special_chars": lambda text: "".join(sign for sign in text if not _is_special(sign)),
    "fold_persian": values.fold_persian,
}


def _is_special(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category[0] not in "LM" and category != "Nd" and sign not in values.WHITE


def _keeps(value: str, rule: str) -> bool:
    name, _, argument = rule.partition(":")
    if name == "regex":
        return re.fullmatch(argument, value) is not None
    if name == "in":
        return value in argument.split(",")
    low, high = (Decimal(bound) for bound in argument.split(".."))
    return value != "NaN" and low <= Decimal(value) <= high
