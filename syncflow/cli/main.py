"""The command `syncflow`: its parts put together, and what becomes of errors."""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.main import get_command

from syncflow.cli import (
    approvals,
    audit,
    batches,
    config,
    db,
    demo,
    doctor,
    entities,
    explain,
    failed,
    health,
    night_report,
    pending,
    remedies,
    sandbox,
    schedules,
    service,
    stats,
    sync,
)
from syncflow.cli.help_words import HELP, Refused, refusal, speak
from syncflow.cli.output import note, say
from syncflow.errors import ConfigurationError, SyncFlowError, UsageError
from syncflow.i18n.catalog import _, use
from syncflow.i18n.languages import LANGUAGES, asked_for, of_locale, option_of
from syncflow.i18n.texts import told
from syncflow.settings_loader import load_settings

app = typer.Typer(
    help="SyncFlow brings ERP rows from APISmith to ScheduleHub: every row accounted for, only changes moved.",
    epilog="Exit codes: 0 all well; 1 rows or a batch failed; 64 wrong usage; 69 something that is needed is not "
    "there; 75 try again later; 78 a setting or an entity is wrong.",
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": HELP},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        say(f"syncflow {version('syncflow')}")
        raise typer.Exit


@app.callback()
def syncflow(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say the version and end.")
    ] = False,
    lang: Annotated[
        str | None, typer.Option("--lang", metavar="|".join(LANGUAGES), help="Speak this language.")
    ] = None,
    observe: Annotated[
        bool, typer.Option("--observe", help="Open the console without worker threads, beside a daemon.")
    ] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Open the console to look only: nothing can be changed from it.")
    ] = False,
    daemon: Annotated[
        bool, typer.Option("--daemon", help="Serve without a screen: schedules and workers, until a signal ends it.")
    ] = False,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="With --daemon: let it use the embedded database, for a trial.")
    ] = False,
) -> None:
    """SyncFlow brings ERP rows from APISmith to ScheduleHub: every row accounted for, only changes moved.

    Without a command, the console is opened in this terminal.
    """
    if context.invoked_subcommand is not None:
        return
    if daemon:
        from syncflow.cli.daemon import daemon as serve  # deferred, too

        if observe or read_only:
            raise UsageError("--daemon opens no console, which --observe and --read-only are about.")
        serve(embedded=embedded)
    if sys.stdin.isatty() and sys.stdout.isatty():
        from syncflow.cli.console import console  # deferred: the other commands need no console

        asked = asked_for(lang, os.environ)
        raise typer.Exit(console(observe=observe, read_only=read_only, language=asked))
    if observe or read_only:
        raise UsageError("The console needs a terminal, and there is none here.")
    say(context.get_help())


app.command("sync")(sync.sync)
app.command("status")(batches.status)
app.command("history")(batches.history)
app.command("stop")(batches.stop)
app.command("resume")(sync.resume)
app.command("withheld")(approvals.withheld)
app.command("approve")(approvals.approve)
app.command("discard")(approvals.discard)
app.add_typer(entities.app, name="entities")
app.add_typer(failed.app, name="failed")
app.add_typer(pending.app, name="pending")
app.add_typer(remedies.app, name="remedies")
app.add_typer(schedules.app, name="schedules")
app.command("report")(night_report.report)
app.command("doctor")(doctor.doctor)
app.command("health")(health.health)
app.command("stats")(stats.stats)
app.add_typer(audit.app, name="audit")
app.add_typer(service.app, name="service")
app.command("explain")(explain.explain)
app.command("demo")(demo.demo)
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(config.app, name="config")
app.add_typer(db.app, name="db")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and end the process: 0, or by the class of what went wrong (see `errors`)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a letter shows `?` and is no reason to stop
    given = sys.argv[1:] if arguments is None else arguments
    try:
        use(asked_for(option_of(given), os.environ) or of_locale(os.environ))
        command = get_command(app)
        speak(command)
        sys.exit(command(args=given, prog_name="syncflow", standalone_mode=False))
    except Refused as refused:
        note(refusal(refused))
        sys.exit(UsageError.exit_code)
    except typer.Abort:
        note(_("Aborted!"))
        sys.exit(1)
    except SyncFlowError as error:
        if _debugging():
            traceback.print_exception(error)
        note(_("Error: {message}").format(message=told(error)))
        sys.exit(error.exit_code)


def _debugging() -> bool:
    try:
        return load_settings().debug
    except ConfigurationError:
        return False
