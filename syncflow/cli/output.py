"""What a command prints: results on standard output, everything said to a person beside them on standard error."""

import sys

import msgspec
from rich.console import Console
from rich.table import Table


def say(text: str) -> None:
    """A result, as text."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """Something to know beside the result."""
    sys.stderr.write(f"{text}\n")


def say_json(value: object) -> None:
    """A result for programs: dataclasses, mappings, lists, dates and uids as JSON, two blanks a level."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    sys.stdout.flush()


def say_table(columns: list[str], rows: list[list[str]]) -> None:
    """A table as wide as it needs: lines are not broken when standard output is no terminal."""
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 10_000, highlight=False, markup=False)
    table = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
