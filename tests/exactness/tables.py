"""Random tables of hostile rows, for hypothesis: columns of every type, keys that are missing, unknown or stand twice,
mappings and conventions."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from tests.exactness.hostile import CORPUS, NULL, TYPES, columns_of_cells
from tests.exactness.reference import Cell, Column, Entity, Row
from tests.exactness.reference_values import CHARACTERS, family
from tests.exactness.wires import STYLES, Style

MOST_ROWS = 6
_SOURCES = ("ID", "QTY", "A_COLUMN_OF_THIRTY_CHARACTERS_", "Größe", "A=B|C\\D", 'say "x"', "قیمت", "N/A", "x y")
_UNKNOWN = ("EXTRA", "ends:", "a\\", "\u2028", "ZZID", "half\ud83d")
_TARGETS = ("a", "b", "z", "é", "a=b", "a|b", "b\\", "\U0001f600", "\uffee", "B")
_TRANSFORMATIONS = (
    "uppercase", "lowercase", "trim", "capitalize", "strip_whitespace", "remove_special_chars", "fold_persian",
)  # fmt: skip
_RULES = {
    "text": ("regex:[A-Za-z0-9 ]*", "in:a,A,NULL"),
    "number": ("range:-1..9007199254740992", "in:1,0"),
    "double": ("range:-1..9007199254740992", "range:0.1..0.30000000000000004"),
}
_DEFAULTS = {"text": "n/a", "char": "-", "number": "7", "double": "1", "raw": "00", "boolean": "false"}


@dataclass(frozen=True)
class Table:
    entity: Entity
    rows: tuple[Row, ...]
    style: Style


@st.composite
def tables(draw: st.DrawFn) -> Table:
    entity = draw(_entities())
    height = draw(st.integers(0, MOST_ROWS))
    cells = {column.source: draw(columns_of_cells(column.declared, height)) for column in entity.columns}
    rows = [[(name, column[number]) for name, column in cells.items()] for number in range(height)]
    spoiled = draw(st.booleans())
    return Table(entity, tuple(draw(_spoiled(row)) if spoiled else row for row in rows), draw(STYLES))


@st.composite
def _entities(draw: st.DrawFn) -> Entity:
    count = draw(st.integers(1, 4))
    sources = draw(st.permutations(_SOURCES))[:count]
    targets = draw(st.permutations(_TARGETS))[:count]
    columns = tuple(draw(_columns(source, target)) for source, target in zip(sources, targets, strict=True))
    key_size = draw(st.integers(1, count))
    excluded = draw(st.sets(st.sampled_from(targets), max_size=count - 1))
    order = draw(st.sampled_from(("DMY", "MDY")))
    return Entity("things", columns, tuple(targets[:key_size]), draw(st.booleans()), order, tuple(excluded))


@st.composite
def _columns(draw: st.DrawFn, source: str, target: str) -> Column:
    declared = draw(st.sampled_from(TYPES))
    column = Column(declared, source, target)
    if draw(st.booleans()):
        return column
    kind = family(declared)
    default = draw(st.sampled_from((None, _DEFAULTS.get(kind))))
    column = replace(column, default=default, required=draw(st.booleans()))
    if kind in CHARACTERS:
        transformation = draw(st.sampled_from(("none", *_TRANSFORMATIONS)))
        column = replace(column, transformation=transformation, fold=draw(st.booleans()))
    rule = draw(st.sampled_from((None, *_RULES.get(kind, ()))))
    return replace(column, rule=rule, default=None) if rule else column


@st.composite
def _spoiled(draw: st.DrawFn, row: Row) -> Row:
    """A row without some of its keys, in another order, with unknown keys, or with one twice."""
    anything = st.sampled_from(
        (NULL, Cell("1"), Cell("1.50", "number"), Cell("true", "boolean"), *CORPUS["VARCHAR2(4000)"])
    )
    members = [member for member in row if draw(st.integers(0, 5))]
    for name in draw(st.lists(st.sampled_from((*_UNKNOWN, *_UNKNOWN[:2])), max_size=2)):
        members.append((name, draw(anything)))
    if members and not draw(st.integers(0, 4)):
        members.append((draw(st.sampled_from(members))[0], draw(anything)))
    return draw(st.permutations(members)) if draw(st.booleans()) else members
