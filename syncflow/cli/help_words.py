"""The command line's help in the operator's language, and the words of the library that reads the command line."""

import gettext
import inspect
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, cast

import typer
from typer import Context

from syncflow.i18n.catalog import DOMAIN, ENGLISH, N_, _, catalogues, language
from syncflow.i18n.texts import retold

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
REFUSALS = (
    N_("No such option: {name}"),
    N_("No such option: {name} (Possible options: {names})"),
    N_("Missing argument {name}."),
    N_("Missing option {name}."),
    N_("Option {name} requires an argument."),
    N_("Option {name} does not take a value."),
    N_("Got unexpected extra argument(s) ({names})"),
    N_("Invalid value for {name}: {reason}"),
    N_("Input should be a valid integer, unable to parse string as an integer"),
    N_("Input should be a valid number, unable to parse string as a number"),
)
"""What it says in English only; it is told as what the books recorded is."""
Refused = cast(type[Exception], typer.BadParameter.__bases__[0])
"""What it raises for a command line that it cannot read; it has no public name."""


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
        vars(each)["format_usage"] = partial(_usage, each)
        each.help, each.short_help, each.epilog = _told(each.help), _told(each.short_help), _told(each.epilog)
        helper = each.get_help_option(Context(cast(Any, each), help_option_names=HELP))
        if helper is not None:
            helper.help = _("Show this message and exit.")
        for parameter in each.params:
            if (said := _help_of(parameter)) is not None:
                vars(parameter)["help"] = _(said)


def _usage(command: Any, context: Any, formatter: Any) -> None:
    formatter.write_usage(context.command_path, " ".join(command.collect_usage_pieces(context)), prefix=_("Usage: "))


def refusal(error: Exception) -> str:
    """What is wrong with a command line, below how the command is used; its help where there is no subcommand."""
    context, message = vars(error).get("ctx"), cast(Any, error).format_message()
    said = _("Error: {message}").format(message=retold(message))
    if context is None:
        return said
    if message.startswith(context.get_usage()):
        return str(message)
    help_ = _("Try '{command}' for help.").format(command=f"{context.command_path} {context.help_option_names[0]}")
    return f"{context.get_usage()}\n{help_}\n\n{said}"


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
