"""`syncflow schedules`: what is done by itself, by night and by the clock."""

from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.confirm import confirmed
from syncflow.cli.figures import count
from syncflow.cli.output import note, say, say_json
from syncflow.cli.session import session
from syncflow.errors import UsageError
from syncflow.i18n.catalog import _

if TYPE_CHECKING:
    from syncflow.service.schedules import GivenTerms

app = typer.Typer(
    help="Large tables by night, in slices; small ones by interval or cron line.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_ENTITY = typer.Argument(metavar="ENTITY", help="The entity's name.")
_JSON = typer.Option("--json", help="As JSON.")


@app.command("list")
def list_(json: Annotated[bool, _JSON] = False) -> None:
    """List what is done by itself: where each cycle stands, what it will do next, when it will be finished."""
    from syncflow.cli.schedules_view import list_lines  # deferred: help need not wait for the service

    with session() as runtime:
        found = runtime.schedules.list()
    if json:
        say_json(found)
    elif not found.nights and not found.timed:
        note(
            _(
                "Nothing is done by itself. For a large table: syncflow schedules set ENTITY --window 19:00-07:00 "
                "--zone ZONE. For a small one: syncflow entities update ENTITY --set 'sync_schedule=every 15 min'"
            )
        )
    else:
        for line in list_lines(found):
            say(line)


@app.command()
def show(entity: Annotated[str, _ENTITY], json: Annotated[bool, _JSON] = False) -> None:
    """Show one schedule: its terms, tonight, the forecast, and what its last nights brought."""
    from syncflow.cli.schedules_view import show_lines  # deferred, too

    with session() as runtime:
        found = runtime.schedules.get(entity)
    if json:
        say_json(found)
    else:
        for line in show_lines(found):
            say(line)


@app.command("set")
def set_(
    entity: Annotated[str, _ENTITY],
    window: Annotated[
        str | None, typer.Option("--window", metavar="START-END", help="Such as 19:00-07:00; always for no window.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--zone", metavar="ZONE", help="The clocks that the window goes by: Europe/Berlin.")
    ] = None,
    days: Annotated[
        str | None,
        typer.Option("--days", metavar="DAYS", help="On which a night begins: daily, mon-fri, or mon,wed,sat."),
    ] = None,
    nights: Annotated[
        int | None,
        typer.Option("--nights", metavar="N", help="In how many nights the whole table is to be through (7)."),
    ] = None,
    enable: Annotated[
        bool | None, typer.Option("--enable/--disable", help="Whether its nights are worked on at all.")
    ] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Give an entity its nights, or change them; how far its cycle is stays.

    For example: syncflow schedules set sales_orders --window 19:00-07:00 --zone Europe/Berlin --days mon-fri
    """
    from syncflow.cli.schedules_view import terms_line
    from syncflow.service.schedules import GivenTerms  # deferred, too

    words = None if days is None else days.split(",")
    given = GivenTerms(window, zone, words, nights, enable)
    with session() as runtime:
        before = runtime.schedules.find(entity)
        _refuse_nothing(entity, given, creating=before is None)
        found = runtime.schedules.create(entity, given) if before is None else runtime.schedules.update(before, given)
    if json:
        say_json(found)
    else:
        said = _("Set: {terms}.") if before is None else _("Changed: {terms}.")
        say(said.format(terms=terms_line(found.schedule)))


@app.command()
def remove(
    entity: Annotated[str, _ENTITY],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Forget an entity's schedule, how far its cycle is, and what its nights have measured.

    The rows that it has loaded stay.
    """
    with session() as runtime:
        found = runtime.schedules.get(entity)
        schedule = found.schedule
        asked = _("Forget the schedule of {entity}?")
        if schedule.current_offset:
            asked = _("Forget the schedule of {entity}, {rows} rows into cycle {cycle}?")
        lost = asked.format(entity=entity, rows=count(schedule.current_offset), cycle=schedule.cycle)
        if not confirmed(lost, yes=yes):
            return
        runtime.schedules.remove(schedule)
    if json:
        say_json({"removed": entity})
    else:
        say(_("Removed: {entity} has no nights any more. What they have loaded stays.").format(entity=entity))


@app.command()
def pause(entity: Annotated[str, _ENTITY], json: Annotated[bool, _JSON] = False) -> None:
    """Begin no more chunk of an entity's cycle until it is resumed; its place stays."""
    with session() as runtime:
        found = runtime.schedules.pause(entity)
    if json:
        say_json(found)
    else:
        say(_("Paused: {entity}. Go on with: syncflow schedules resume {entity}").format(entity=entity))


@app.command()
def resume(entity: Annotated[str, _ENTITY], json: Annotated[bool, _JSON] = False) -> None:
    """Let a paused schedule go on where it stands."""
    from syncflow.cli.schedules_view import tonight_text  # deferred, too

    with session() as runtime:
        found = runtime.schedules.resume(entity)
    if json:
        say_json(found)
    else:
        say(_("Resumed: {entity}, {tonight}.").format(entity=entity, tonight=tonight_text(found)))


@app.command("run-now")
def run_now(entity: Annotated[str, _ENTITY], json: Annotated[bool, _JSON] = False) -> None:
    """Go on with an entity's cycle at once, outside its window too.

    A process with workers does it: the daemon, or an open console.
    """
    with session() as runtime:
        batch = runtime.schedules.run_now(entity)
    if json:
        say_json(batch)
    else:
        said = _("Queued: {entity}, batch {batch}. Watch it with: syncflow status {batch}")
        say(said.format(entity=entity, batch=batch.uid))


def _refuse_nothing(entity: str, given: "GivenTerms", *, creating: bool) -> None:
    if creating and given.window is None:
        raise UsageError(
            "{entity} has no schedule yet, so say its window: syncflow schedules set {entity} --window 19:00-07:00 "
            "--zone ZONE",
            entity=entity,
        )
    if given.says_nothing:
        raise UsageError(
            "Nothing to change. Say what: syncflow schedules set {entity} --window, --zone, --days, --nights, "
            "--enable or --disable",
            entity=entity,
        )
