"""The words that `:` and the palette know."""

import re
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING

from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.digits import plain
from syncflow.i18n.languages import LANGUAGES, known
from tui.direction import BIDI

if TYPE_CHECKING:
    from tui.app import Console


MAX_DAYS, MAX_DIGITS = 36_500, 9
_WORD = re.compile(r'"((?:[^"]|"")*)"(?!\S)|(\S+)')
"""In double quotes, in which two stand for one, or without blanks."""


@dataclass(frozen=True)
class Command:
    """`usage` names the arguments; `run` is given them. `about` is marked with N_."""

    name: str
    about: str
    run: Callable[["Console", Sequence[str]], None]
    usage: str = ""
    names: int = 0
    """So many of the first arguments are names of entities."""
    choices: Collection[str] = ()
    """What its one argument may be."""


def _go(name: str) -> Callable[["Console", Sequence[str]], None]:
    return lambda console, _words: console.go(name)


def _explain(console: "Console", words: Sequence[str]) -> None:
    if len(words) < 2:
        raise UsageError(_("Say which record: explain ENTITY KEY, for example explain orders 4711."))
    console.explain(words[0], words[1:])


def _report(console: "Console", words: Sequence[str]) -> None:
    from syncflow.service.last_time import last_time

    console.action_report(last_time(" ".join(words), datetime.now().astimezone(), "report") if words else None)


def _sync(console: "Console", words: Sequence[str]) -> None:
    if words:
        console.sync_these(words)
    else:
        console.sync_all()


def _purge(console: "Console", words: Sequence[str]) -> None:
    if len(words) != 1 or not (days := plain(words[0])).isdecimal() or len(days) > MAX_DIGITS or int(days) > MAX_DAYS:
        raise UsageError(_("Say how many days ago records were closed: purge 180."))
    console.ask_to_purge(int(days))


def _lang(console: "Console", words: Sequence[str]) -> None:
    if len(words) != 1:
        raise UsageError(_("Say which language: lang {languages}.").format(languages="|".join(LANGUAGES)))
    console.speak(known(words[0], "lang"))


def _bidi(console: "Console", words: Sequence[str]) -> None:
    if not words:
        console.action_reading_test()
    elif len(words) == 1 and words[0] in BIDI:
        console.use_bidi(words[0])
    else:
        raise UsageError(_("Say who puts lines in order: bidi {ways}.").format(ways="|".join(BIDI)))


COMMANDS: tuple[Command, ...] = (
    Command("dashboard", N_("is all well?"), _go("dashboard")),
    Command("entities", N_("what is synced, and how"), _go("entities")),
    Command("batches", N_("what ran and what runs"), _go("batches")),
    Command("failed", N_("records that failed"), _go("failed")),
    Command("pending", N_("rows that wait for a parent"), _go("pending")),
    Command("schedules", N_("what happens by itself, and when"), _go("schedules")),
    Command("alerts", N_("what is wrong now"), lambda console, _words: console.action_alerts()),
    Command("report", N_("what was done in the last twelve hours, or since: report 19:00"), _report, "TIME"),
    Command(
        "stats",
        N_("what each entity did in a day, a week, a month"),
        lambda console, _words: console.action_statistics(),
    ),
    Command("rules", N_("the rules that mend failed records"), lambda console, _words: console.action_rules()),
    Command("purge", N_("empty the rows of records closed so many days ago: purge 180"), _purge, "DAYS"),
    Command("doctor", N_("is this installation as it must be?"), lambda console, _words: console.action_doctor()),
    Command("settings", N_("settings, keys, service tokens"), _go("settings")),
    Command("log", N_("what happens, line by line"), _go("log")),
    Command("explain", N_("why a record is as it is: explain ENTITY KEY"), _explain, "ENTITY KEY..", 1),
    Command("sync", N_("sync these entities, or all: sync ENTITY .."), _sync, "ENTITY ..", sys.maxsize),
    Command("lang", N_("another language: lang fa"), _lang, "|".join(LANGUAGES), choices=LANGUAGES),
    Command("bidi", N_("which line reads right? or: bidi auto|app|off"), _bidi, choices=BIDI),
    Command("theme", N_("dark or light"), lambda console, _words: console.action_theme()),
    Command("quit", N_("leave the console"), lambda console, _words: console.action_leave()),
)


def find(line: str) -> tuple[Command, list[str]]:
    """The command of a line, and its arguments; one with blanks stands in double quotes. Raises UsageError for a
    command that there is not, and for a quote that is not closed."""
    name, *words = _words(line) or [""]
    for command in COMMANDS:
        if command.name == name:
            return command, words
    starting = [command for command in COMMANDS if name and command.name.startswith(name)]
    if len(starting) == 1:
        return starting[0], words
    near = get_close_matches(name, [command.name for command in COMMANDS], n=1)
    hint = _(" Did you mean {}?").format(near[0]) if near else _(" Press ? for help.")
    raise UsageError(_("There is no command {!r}.").format(name) + hint)


def arguments(before: Sequence[str], entities: Collection[str]) -> Collection[str]:
    """What may stand behind these words: names of entities that are not there yet, or one of a few words."""
    command = next((each for each in COMMANDS if each.name == before[0]), None)
    if command is None:
        return ()
    if len(before) <= command.names:
        return [name for name in entities if name not in before[1:]]
    return command.choices if len(before) == 1 else ()


def _words(line: str) -> list[str]:
    words = []
    for quoted, bare in _WORD.findall(line):
        if bare.startswith('"'):
            raise UsageError(_("A double quote is not closed: {line}").format(line=line))
        words.append(bare or quoted.replace('""', '"'))
    return words
