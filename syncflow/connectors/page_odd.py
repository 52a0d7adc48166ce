"""The slow and patient way to read one row: for rows that no fast decoder may be trusted with.

Such a row is taken apart key by key, so that a key that stands twice, half of a surrogate pair, a byte that is not
UTF-8 or a nesting without end is told of this row alone, and its page goes on.
"""

import json
import re
from dataclasses import dataclass, field

_BLANK = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{},]|[^\s"\[\]{},]+', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Cell:
    """A value as the source sent it: its text (None for null) and whether it was a bare number or a boolean."""

    text: str | None
    is_number: bool = False
    is_boolean: bool = False


@dataclass
class OddRow:
    """What could be read of a row; `problem` says why the row as a whole cannot be trusted, None when it can.
    `is_object` is False where it is not even a whole JSON object."""

    cells: dict[str, Cell] = field(default_factory=dict)
    problem: str | None = None
    is_object: bool = True

    def add(self, key: str, cell: Cell) -> None:
        if key in self.cells:
            self.problem = f"the key {key!r} stands twice in one row"
            cell = Cell(None)
        elif _SURROGATE.search(key) or (cell.text is not None and _SURROGATE.search(cell.text)):
            self.problem = f"{_printable(key)} holds half of a surrogate pair, which is no character"
            key, cell = _printable(key), Cell(None)
        self.cells[key] = cell


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _refuse_constant(name: str) -> str:
    raise ValueError(f"{name} is no JSON number")


_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_constant)


def read_row(raw: bytes) -> OddRow:
    """Read one JSON object; never raises."""
    row = OddRow()
    try:
        _read_members(raw.decode("utf-8"), row)
    except UnicodeDecodeError as error:
        row.problem = f"byte {error.start + 1} of the row is not UTF-8"
    except RecursionError:
        row.problem = "a value is nested too deeply"
    except (ValueError, StopIteration, IndexError) as error:
        row.problem = f"the row is not a JSON object ({error})"
        row.is_object = False
    return row


def _read_members(text: str, row: OddRow) -> None:
    at = _skip(text, 0)
    if text[at] != "{":
        raise ValueError("it does not begin with a brace")
    at = _skip(text, at + 1)
    while text[at] != "}":
        if text[at] != '"':
            raise ValueError("a key is not in quotes")
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, at)
        if text[at] != ":":
            raise ValueError("a colon is missing")
        start = _skip(text, at + 1)
        value, end = _DECODER.raw_decode(text, start)
        row.add(key, _cell(value, text[start:end]))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
            if text[at] == "}":
                raise ValueError("a comma too much")
        elif text[at] != "}":
            raise ValueError("a comma is missing")
    if _skip(text, at + 1) < len(text):
        raise ValueError("more follows behind its brace")


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _cell(value: object, raw: str) -> Cell:
    if value is None:
        return Cell(None)
    if isinstance(value, bool):
        return Cell(raw, is_boolean=True)
    if isinstance(value, str) and raw.startswith('"'):
        return Cell(value)
    return Cell(raw, is_number=isinstance(value, str))


def split_rows(array: bytes) -> list[bytes] | None:
    """The elements of a JSON array as bytes, found by counting brackets outside of strings; None where the brackets
    do not balance or two elements have no comma between them. For arrays with an element that a decoder cannot even
    skip; what is inside an element is not looked at."""
    elements: list[bytes] = []
    depth = parts = start = 0
    for token in _TOKEN.finditer(array):
        sign = token[0]
        if sign in b"]}":
            depth -= 1
            if depth == 0:
                rest = array[start : token.start()].strip()
                whole = parts == 1 or not (elements or rest)
                return [*elements, *([rest] if rest else [])] if whole and not array[token.end() :].strip() else None
        elif depth == 1 and sign == b",":
            if parts != 1:
                return None
            elements.append(array[start : token.start()].strip())
            start, parts = token.end(), 0
        else:
            parts += depth == 1
            if sign in b"[{":
                depth += 1
                start = start or token.end()
    return None
