"""`syncflow doctor`: is everything as it must be, and what is to be done?"""

import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.output import say, say_beside, say_json
from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold
from syncflow.settings_loader import load_settings

if TYPE_CHECKING:
    from syncflow.service.findings import Finding

_MARKS = {"ok": "ok     ", "warning": "WARNING", "failure": "FAILURE"}
_WIDE, _HIGH = 80, 24


def doctor(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Examine this installation: settings, versions, time zones, disks, the database, both neighbours, schedules and
    this terminal; each line says what to do. Nothing is changed.

    Ends with 1 when something must be mended, with 0 also when there are warnings.
    """
    found = []
    for finding in _examine():
        found.append(finding)
        if not json:
            _tell(finding)
    failures = sum(each.grade == "failure" for each in found)
    warnings = sum(each.grade == "warning" for each in found)
    if json:
        say_json(found)
    else:
        say("")
        well = len(found) - failures - warnings
        parts = [
            plural("{n} failure", "{n} failures", failures),
            plural("{n} warning", "{n} warnings", warnings),
            plural("{n} ok", "{n} ok", well),
        ]
        say(_(", ").join(parts))
    raise typer.Exit(1 if failures else 0)


def _examine() -> "Iterator[Finding]":
    from syncflow.runtime import doctor_of  # deferred: help need not wait for the whole machinery
    from syncflow.service.doctor_machine import examine_versions
    from syncflow.service.findings import failure

    try:
        settings = load_settings()
    except ConfigurationError as error:
        for line in str(error).splitlines():
            yield failure("settings", line)
        yield from examine_versions()
    else:
        yield from doctor_of(settings).examine()
    yield from _terminal()


def _terminal() -> "Iterator[Finding]":
    """What the console would find here."""
    from rich.console import Console  # deferred, too

    from syncflow.service.findings import ok, warning

    if not sys.stdout.isatty():
        yield ok("terminal", N_("none: this is no terminal, and only the console needs one"))
        return
    size = shutil.get_terminal_size()
    colours = Console().color_system
    told = f"{size.columns}x{size.lines}, {os.environ.get('TERM', 'TERM is not set')}, {colours or 'no colours'}"
    if size.columns < _WIDE or size.lines < _HIGH:
        yield warning(
            "terminal", told, N_("The console wants {size} at least: make it larger.").format(size=f"{_WIDE}x{_HIGH}")
        )
    elif sys.stdout.encoding.lower().replace("-", "") != "utf8":
        yield warning("terminal", f"{told}, {sys.stdout.encoding}", N_("Set LANG to a UTF-8 locale, such as C.UTF-8."))
    elif colours is None and "NO_COLOR" not in os.environ:
        yield warning("terminal", told, N_("Set TERM to what this terminal is, such as xterm-256color."))
    else:
        why = " (NO_COLOR is set)" if "NO_COLOR" in os.environ else ""
        yield ok("terminal", f"{told}{why}, {sys.stdout.encoding}")


def _tell(finding: "Finding") -> None:
    name = "" if finding.said.startswith(finding.name) else f"{finding.name}: "
    say_beside(f"{_MARKS[finding.grade]}  ", f"{name}{retold(finding.said)}")
    if finding.remedy:
        say_beside(" " * 11, retold(finding.remedy))
    sys.stdout.flush()
