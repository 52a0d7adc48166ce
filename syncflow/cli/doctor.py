"""`syncflow doctor`: is everything as it must be, and what is to be done?"""

import os
import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.cells import cell_len, set_cell_size

from syncflow.cli.output import say, say_beside, say_json
from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import Text, told
from syncflow.settings_loader import load_settings

if TYPE_CHECKING:
    from syncflow.service.findings import Finding

_MARKS = {"ok": N_("ok"), "warning": N_("WARNING"), "failure": N_("FAILURE")}
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
        yield failure(N_("settings"), error.text)
        yield from examine_versions()
    else:
        yield from doctor_of(settings).examine()
    yield from _terminal()


def _terminal() -> "Iterator[Finding]":
    """What the console would find here."""
    from rich.console import Console  # deferred, too

    from syncflow.service.findings import ok, warning

    name = N_("terminal")
    if not sys.stdout.isatty():
        yield ok(name, Text("none: this is no terminal, and only the console needs one"))
        return
    size = shutil.get_terminal_size()
    colours = Console().color_system
    said = Text(
        "{size}, {terminal}, {colours}, {encoding}",
        size=f"{size.columns}x{size.lines}",
        terminal=os.environ.get("TERM", Text("TERM is not set")),
        colours=colours or (Text("no colours: NO_COLOR is set") if "NO_COLOR" in os.environ else Text("no colours")),
        encoding=sys.stdout.encoding,
    )
    if size.columns < _WIDE or size.lines < _HIGH:
        least = f"{_WIDE}x{_HIGH}"
        yield warning(name, said, Text("The console wants {size} at least: make it larger.", size=least))
    elif sys.stdout.encoding.lower().replace("-", "") != "utf8":
        yield warning(name, said, Text("Set LANG to a UTF-8 locale, such as C.UTF-8."))
    elif colours is None and "NO_COLOR" not in os.environ:
        yield warning(name, said, Text("Set TERM to what this terminal is, such as xterm-256color."))
    else:
        yield ok(name, said)


def _tell(finding: "Finding") -> None:
    marks = {grade: _(word) for grade, word in _MARKS.items()}
    wide = max(map(cell_len, marks.values())) + 2
    said = told(finding.said)
    name = "" if said.startswith(_(finding.name)) else f"{_(finding.name)}: "
    for line in f"{name}{said}".splitlines():
        say_beside(set_cell_size(marks[finding.grade], wide), line)
    if finding.remedy:
        say_beside(" " * (wide + 2), told(finding.remedy))
    sys.stdout.flush()
