"""`syncflow` without a command: the console."""

from syncflow.actor import this_user
from syncflow.cli.output import note
from syncflow.i18n.catalog import _
from syncflow.i18n.texts import told
from syncflow.settings_loader import load_settings


def console(*, observe: bool, read_only: bool, language: str | None) -> int:
    """Open the console in this terminal; the exit code."""
    from tui.bridge import Manner  # deferred: no command but this one has to do with a screen
    from tui.console import open_console

    settings = load_settings()
    for warning in settings.warnings:
        note(_("Warning: {text}").format(text=told(warning)))
    return open_console(settings, this_user(), Manner(observe, read_only), language)
