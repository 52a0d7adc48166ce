"""`syncflow service`: SyncFlow as a service of this machine."""

import pwd
import shutil
import sys
from difflib import unified_diff
from pathlib import Path
from typing import Annotated

import typer

from syncflow.cli.confirm import confirmed
from syncflow.cli.output import note, say
from syncflow.cli.systemd_unit import Installation, unit_text
from syncflow.errors import ConfigurationError, UsageError
from syncflow.i18n.catalog import _
from syncflow.settings import Settings
from syncflow.settings_loader import SYSTEM_FILE, load_settings

app = typer.Typer(help="SyncFlow as a service of this machine.", no_args_is_help=True, rich_markup_mode=None)

_CREDENTIALS = SYSTEM_FILE.parent / "credentials"
_UNITS = Path("/etc/systemd/system")
_UNIT = "syncflow.service"


@app.callback()
def service() -> None:
    """SyncFlow as a service of this machine."""


@app.command()
def install(
    print_: Annotated[bool, typer.Option("--print", help="Print the unit file and write nothing.")] = False,
    user: Annotated[str, typer.Option(metavar="NAME", help="Under which user it runs.")] = "syncflow",
    credentials: Annotated[
        Path, typer.Option(metavar="DIR", help="Where a file for each secret setting lies.")
    ] = _CREDENTIALS,
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where systemd looks for its unit files.")
    ] = _UNITS,
    yes: Annotated[bool, typer.Option("--yes", help="Replace a unit file that is another one without asking.")] = False,
) -> None:
    """Write a hardened unit file for systemd, with the paths of this installation. It starts nothing."""
    text = unit_text(_installation(user, credentials.absolute()))
    if print_:
        sys.stdout.write(text)
        return
    file = directory / _UNIT
    before = file.read_text(encoding="utf-8") if file.exists() else None
    if before == text:
        say(_("{file} is as it should be already.").format(file=file))
        return
    if before is not None:
        note("".join(unified_diff(before.splitlines(True), text.splitlines(True), _("as it is"), _("as it would be"))))
        if not confirmed(_("Replace {file}?").format(file=file), yes=yes):
            raise typer.Exit(1)
    _write(file, text)
    say(_("Written: {file}").format(file=file))
    for step in _next_steps(user):
        say(step)


def _installation(user: str, credentials: Path) -> Installation:
    known = Settings.secret_names()
    there = sorted(each.name for each in credentials.iterdir()) if credentials.is_dir() else []
    strangers = [name for name in there if name.lower() not in known]
    if strangers:
        raise ConfigurationError(
            "{credentials} holds {strangers}, and no secret setting has that name. There are: {known}.",
            credentials=credentials,
            strangers=", ".join(strangers),
            known=", ".join(sorted(known)),
        )
    return Installation(_command(), user, credentials, there, load_settings().grace_seconds)


def _command() -> Path:
    """The program beside the interpreter that runs this, or the one on the path."""
    beside = Path(sys.executable).with_name("syncflow")
    found = str(beside) if beside.exists() else shutil.which("syncflow")
    if found is None:
        raise ConfigurationError(
            "There is no syncflow beside {executable}. Install it, and call it by its path.", executable=sys.executable
        )
    return Path(found).absolute()


def _write(file: Path, text: str) -> None:
    """Whole or not at all."""
    unfinished = file.with_suffix(".tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.chmod(0o644)
        unfinished.replace(file)
    except OSError as error:
        raise UsageError(
            "{file} cannot be written: {reason}. Do it as root, or see what it would be: syncflow service "
            "install --print",
            file=file,
            reason=error.strerror,
        ) from error


def _next_steps(user: str) -> list[str]:
    steps = (
        []
        if _is_there(user)
        else [_("Make its user: {command}").format(command=f"useradd --system --home-dir /var/lib/syncflow {user}")]
    )
    steps += [
        _("Its settings stand in {file}; look at them with: syncflow config show").format(file=SYSTEM_FILE),
        _("Then: {commands}").format(commands="systemctl daemon-reload && systemctl enable --now syncflow"),
        _("How it is: {commands}").format(
            commands="systemctl status syncflow, journalctl -u syncflow, syncflow health"
        ),
    ]
    return [f"{number}. {step}" for number, step in enumerate(steps, start=1)]


def _is_there(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
