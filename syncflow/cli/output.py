"""What a command prints: results on standard output, everything said to a person beside them on standard error."""

import shutil
import sys
import textwrap

import msgspec
from rich.console import Console
from rich.table import Table

from syncflow.i18n.texts import plain


def say(text: str) -> None:
    """A result, as text; in a terminal a sentence that is too long for a line is broken between words."""
    sys.stdout.write(f"{_wrapped(text) if sys.stdout.isatty() else text}\n")


def _wrapped(text: str) -> str:
    """Columns (two blanks or more between words) are left alone."""
    width = shutil.get_terminal_size().columns
    if len(text) <= width or "  " in text.strip():
        return text
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(text, width, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False)


def say_beside(head: str, text: str) -> None:
    """A result behind a head that stands alone: in a terminal what is too long for a line goes on below itself."""
    width = shutil.get_terminal_size().columns
    if sys.stdout.isatty() and len(head) + len(text) > width:
        lines = textwrap.wrap(text, max(20, width - len(head)), break_long_words=False, break_on_hyphens=False)
        text = f"\n{' ' * len(head)}".join(lines)
    sys.stdout.write(f"{head}{text}\n")


def note(text: str) -> None:
    """Something to know beside the result."""
    sys.stderr.write(f"{text}\n")


def say_json(value: object) -> None:
    """A result for programs: dataclasses, mappings, lists, dates and uids as JSON, two blanks a level."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=plain), indent=2) + b"\n")
    sys.stdout.flush()


def say_table(columns: list[str], rows: list[list[str]]) -> None:
    """A table as wide as it needs: lines are not broken when standard output is no terminal."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
