"""Textual's palette of commands, with its own words in the operator's language."""

from rich.align import Align
from rich.text import Text
from textual.command import CommandList, CommandPalette
from textual.widgets.option_list import Option

from syncflow.i18n.catalog import _


class Palette(CommandPalette):
    def __init__(self, *, id: str) -> None:
        super().__init__(placeholder=_("a command .."), id=id)

    def _start_no_matches_countdown(self, search_value: str) -> None:
        """As Textual's, which says it in English."""
        self._stop_no_matches_countdown()

        def say() -> None:
            if search_value:
                nothing = Align.center(Text(_("There is no such command.")))
                self.query_one(CommandList).add_option(Option(nothing, disabled=True, id=self._NO_MATCHES))
            self._list_visible = bool(search_value)

        self._no_matches_timer = self.set_timer(self._NO_MATCHES_COUNTDOWN, say)
