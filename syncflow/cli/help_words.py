"""The command line's help in the operator's language, and the words of the library that reads the command line."""

import gettext
import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from typer import Context

from syncflow.i18n.catalog import DOMAIN, ENGLISH, N_, _, catalogues, language

HELP = ["-h", "--help"]
LIBRARY = (
    N_("Arguments"),
    N_("Options"),
    N_("Commands"),
    N_("required"),
    N_("default: {default}"),
    N_("Missing command."),
    N_("No such command {name!r}."),
    N_("Aborted!"),
)
"""What the library says by gettext; it is given this process's catalogue."""


class Command(Protocol):
    """What the library calls a command, and has a copy of its own of."""

    help: str | None
    short_help: str | None
    epilog: str | None

    @property
    def params(self) -> Sequence[Any]: ...

    def get_help_option(self, context: Any, /) -> Any: ...


def speak(command: Command) -> None:
    """Put the help of the command and of all below it into the language, and the library's words with it."""
    os.environ["LANGUAGE"] = language()  # the only way to tell gettext, and so the library
    gettext.bindtextdomain(DOMAIN, str(catalogues()))
    gettext.textdomain(DOMAIN)
    if language() == ENGLISH:
        return
    for each in _with_all_below(command):
        each.help, each.short_help, each.epilog = _told(each.help), _told(each.short_help), _told(each.epilog)
        helper = each.get_help_option(Context(cast(Any, each), help_option_names=HELP))
        if helper is not None:
            helper.help = _("Show this message and exit.")
        for parameter in each.params:
            if (said := _help_of(parameter)) is not None:
                vars(parameter)["help"] = _(said)


def texts(command: Command) -> Iterator[str]:
    """Every text that `speak` translates, for those who write the catalogues."""
    for each in _with_all_below(command):
        for text in (each.help, each.short_help, each.epilog):
            yield from _paragraphs(text or "")
        yield from filter(None, map(_help_of, each.params))


def _with_all_below(command: Command) -> Iterator[Command]:
    yield command
    below: Mapping[str, Command] = getattr(command, "commands", {})
    for each in below.values():
        yield from _with_all_below(each)


def _help_of(parameter: object) -> str | None:
    return getattr(parameter, "help", None)


def _paragraphs(text: str) -> list[str]:
    """Lines are broken anew when help is shown, so the breaks of the code are none of the text's."""
    return [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n") if part.strip()]


def _told(text: str | None) -> str | None:
    return None if text is None else "\n\n".join(map(_, _paragraphs(text)))
