"""A page of APISmith from NDJSON: a JSON object a line, read as exactly as the rows of a JSON page."""

from collections.abc import Sequence

from syncflow.connectors.page_cells import LINES, LINES_OF_WINDOWS
from syncflow.connectors.page_exact import read_each
from syncflow.connectors.page_odd import read_row
from syncflow.connectors.page_plain import read_plainly
from syncflow.connectors.page_rows import PageRows
from syncflow.errors import PageError

_BLANKS = b" \t\r\n"


def decode_ndjson(body: bytes, columns: Sequence[str], *, decimal_comma: bool = False) -> PageRows:
    """Read the body of one answer of `execute`; `decimal_comma` as `PageRequest` says. Blank lines are skipped; a line
    that is no object makes its row unreadable.

    Raises PageError when the last line is not whole: the body was cut short.
    """
    text = body.strip(_BLANKS)
    form = LINES_OF_WINDOWS if b"\r\n" in text else LINES
    plain = read_plainly(text, form, columns, decimal_comma=decimal_comma)
    if plain is not None:
        return plain
    lines = [line for line in (line.strip(_BLANKS) for line in body.split(b"\n")) if line]
    if lines and not body.endswith(b"\n"):
        last = read_row(lines[-1].decode("utf-8", "replace").encode())
        if not last.is_object:
            raise PageError("the body was cut short: {problem}", problem=last.problem)
    return read_each(lines, columns, decimal_comma=decimal_comma)
