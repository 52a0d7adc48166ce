"""`syncflow sync` and `resume`: run batches and say what became of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.dry_run import DRY_RUN_STOPS, marked, tell
from syncflow.cli.graceful import graceful
from syncflow.cli.output import note, say, say_json
from syncflow.cli.progress import Display, display
from syncflow.cli.report import Outcome, exit_code, outcome, outcome_table, remarks
from syncflow.cli.session import send_logs, session
from syncflow.errors import ConfigurationError, UsageError
from syncflow.i18n.catalog import _
from syncflow.model import SyncType

if TYPE_CHECKING:
    from syncflow.engine.dry_run import BatchPlan
    from syncflow.runtime import Runtime


WATCH_SECONDS = 1.0


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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and write nothing anywhere.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Bring entities from APISmith to ScheduleHub.

    Parents are loaded before children. A batch that was stopped before is gone on with where it stopped. Ctrl-C
    stops after the chunk in flight. With --dry-run nothing is written, neither to ScheduleHub nor into the books;
    whether ScheduleHub itself would take each row, only the sync itself finds out.

    Ends with 0 when all is well, 1 when rows or a batch failed, 75 when a batch was interrupted and can be gone on
    with.
    """
    shown = display(quiet=json)
    if dry_run:
        tell(_planned(shown, entities or [], SyncType(type_), all_=all_), json=json)
    with session(shown) as runtime, graceful(runtime.stopping), shown:
        send_logs(runtime.settings)
        names = _chosen(runtime, entities or [], all_)
        ended = [outcome(batch) for batch in runtime.batches.sync(names, SyncType(type_))]
    _tell(ended, json=json)


def _planned(shown: Display, entities: Sequence[str], type_: SyncType, *, all_: bool) -> list["BatchPlan"]:
    """What the sync would do. With --dry-run, Ctrl-C shows what was planned so far."""
    with session(marked(shown)) as runtime, graceful(runtime.stopping, said=DRY_RUN_STOPS), shown:
        send_logs(runtime.settings)
        return runtime.dry_runs.plan(_chosen(runtime, entities, all_), type_)


def resume(
    batches: Annotated[
        list[str] | None, typer.Argument(metavar="BATCH", help="Batches by number, or its beginning; none: all.")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Stay, and take over every batch whose process is gone, until Ctrl-C."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Go on with batches that were stopped, or whose process is gone, from their last checkpoint.

    Rows whose outcome is in doubt are read back from ScheduleHub before anything is sent again.
    """
    if watch and (batches or json):
        raise UsageError("--watch takes over whatever there is: leave out BATCH and --json.")
    shown = display(quiet=json)
    with session(shown) as runtime, graceful(runtime.stopping), shown:
        send_logs(runtime.settings)
        if watch:
            _watch(runtime)
            return
        ended = [outcome(batch) for batch in runtime.batches.resume(batches or [])]
    if not ended and not json:
        note(_("There is no batch to go on with. See: syncflow history"))
        return
    _tell(ended, json=json)


def _watch(runtime: "Runtime") -> None:
    note(_("Watching for batches whose process is gone; Ctrl-C ends it."))
    while not runtime.stopping.wait(WATCH_SECONDS):
        for line in remarks([outcome(batch) for batch in runtime.batches.take_over()]):
            say(line)


def _tell(ended: list[Outcome], *, json: bool) -> None:
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
