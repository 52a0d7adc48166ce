"""`syncflow demo`."""

import sys
from typing import Annotated

import typer

from syncflow.cli.graceful import terminable
from syncflow.cli.output import say, say_json


def demo(
    rows: Annotated[int, typer.Option(min=1, help="About how many rows the biggest table has.")] = 20_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same company.")] = 1,
    http: Annotated[
        bool, typer.Option("--http", help="Load through a ScheduleHub over HTTP instead of into its database.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the database, to look at it.")] = False,
    console: Annotated[
        bool, typer.Option("--console/--no-console", help="In a terminal, open the console on it at the end.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Sync a made-up company twice and show what happened; in a terminal, the console is opened on it.

    It brings its own PostgreSQL, ERP and ScheduleHub, lets a day of business go by between the two syncs, touches
    nothing else, and removes everything at the end.
    """
    from syncflow.cli.demo_play import play  # deferred: help need not wait for the whole machinery

    with terminable():
        interactive = console and not json and sys.stdin.isatty() and sys.stdout.isatty()
        document = play(rows, seed, _untold if json else _tell, http=http, keep=keep, console=interactive)
    if json:
        say_json(document)
    raise typer.Exit(document.exit_code)


def _tell(line: str) -> None:
    """At once, also through a pipe: the next line may take a while."""
    say(line)
    sys.stdout.flush()


def _untold(_: str) -> None:
    pass
