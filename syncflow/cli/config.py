"""`syncflow config`: what is set, and where it comes from."""

from typing import Annotated

import typer

from syncflow.cli.output import note, say_json, say_table
from syncflow.i18n.catalog import _
from syncflow.i18n.texts import told
from syncflow.settings import NOT_SET, describe
from syncflow.settings_loader import load_settings

app = typer.Typer(help="The settings of this installation.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """The settings of this installation."""


@app.command()
def show(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show every setting with its value and origin; secrets are masked."""
    settings = load_settings()
    for warning in settings.warnings:
        note(_("Warning: {text}").format(text=told(warning)))
    lines = describe(settings)
    if json:
        say_json(lines)
    else:
        shown = [[line.name, _(line.value) if line.value == NOT_SET else line.value, _(line.origin)] for line in lines]
        say_table([_("setting"), _("value"), _("from")], shown)
