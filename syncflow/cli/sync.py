"""`syncflow sync`: run batches and say what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.graceful import graceful
from syncflow.cli.output import say, say_json
from syncflow.cli.progress import display
from syncflow.cli.report import Outcome, exit_code, outcome, outcome_table, remarks
from syncflow.cli.session import send_logs, session
from syncflow.errors import ConfigurationError, UsageError
from syncflow.model import SyncType

if TYPE_CHECKING:
    from syncflow.runtime import Runtime


class Extent(StrEnum):
    """What `--type` takes."""

    FULL = "full"
    INCREMENTAL = "incremental"


@dataclass(frozen=True)
class SyncDocument:
    """What `sync --json` prints."""

    batches: list[Outcome]
    exit_code: int


def sync(
    entities: Annotated[list[str] | None, typer.Argument(metavar="ENTITY", help="Entities by name.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every entity whose sync is enabled.")] = False,
    type_: Annotated[
        Extent,
        typer.Option(
            "--type",
            help="full: the whole table, whatever was synced before; incremental: by the entity's strategy.",
        ),
    ] = Extent.INCREMENTAL,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Bring entities from APISmith to ScheduleHub.

    Parents are loaded before children. A batch that was stopped before is gone on with where it stopped. Ctrl-C
    stops after the chunk in flight.

    Ends with 0 when all is well, 1 when rows or a batch failed, 75 when a batch was interrupted and can be gone on
    with.
    """
    shown = display(quiet=json)
    with session(shown) as runtime, graceful(runtime.stopping), shown:
        send_logs(runtime.settings)
        names = _chosen(runtime, entities or [], all_)
        ended = [outcome(batch) for batch in runtime.batches.sync(names, SyncType(type_))]
    code = exit_code(ended)
    if json:
        say_json(SyncDocument(ended, code))
    else:
        for line in (*outcome_table(ended), *remarks(ended)):
            say(line)
    raise typer.Exit(code)


def _chosen(runtime: "Runtime", names: Sequence[str], all_: bool) -> list[str]:
    """The entities to sync, each once."""
    if all_ == bool(names):
        raise UsageError("Name the entities to sync, or say --all, one of the two. See: syncflow entities list")
    chosen = list(dict.fromkeys(runtime.batches.enabled() if all_ else names))
    if not chosen:
        raise ConfigurationError(
            "No entity is configured and enabled. Begin with: syncflow entities discover > entities.yaml, look through "
            "it, then: syncflow entities import entities.yaml"
        )
    return chosen
