"""`syncflow report`: one screen for the morning."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.figures import count, table
from syncflow.cli.output import say, say_json
from syncflow.cli.session import session
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import told
from syncflow.service.last_time import last_time

if TYPE_CHECKING:
    from syncflow.service.night_report import EntityNight

_COUNTS = ("fetched", "inserted", "updated", "deleted", "unchanged", "pending", "failed", "withheld")


def report(
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="19:00 is the last time that it was; or a day and a time.")
    ] = "19:00",
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what was done since a time: each entity's rows, what failed, waits, is withheld, and what needs a person."""
    from syncflow.service.night_report_text import headline, rest  # deferred: help need not wait for the service

    moment = last_time(since, datetime.now().astimezone())
    with session() as runtime:
        found = runtime.night_report.report(moment)
    if json:
        say_json(found)
        return
    for line in headline(found, say=told):
        say(line)
    if found.entities:
        say("")
    for line in _table(found.entities):
        say(line)
    for line in rest(found, say=told):
        say(line)


def _table(entities: Sequence["EntityNight"]) -> list[str]:
    if not entities:
        return []
    header = [N_("entity"), N_("batches"), *_COUNTS]
    rows = [
        [
            each.entity,
            f"{count(each.batches)}+{count(each.retries)}" if each.retries else count(each.batches),
            *(count(getattr(each.counters, name)) for name in _COUNTS),
        ]
        for each in entities
    ]
    return table(header, rows, left=("entity",))
