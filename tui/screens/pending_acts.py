"""Looking for the parents of waiting rows now: the same from their list, from one of them and from who blocks most."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from syncflow.errors import UsageError
from syncflow.i18n import formats
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.texts import told
from tui.screens.pending_result import WokenScreen, outcome_lines
from tui.screens.place import Place
from tui.screens.question import Question

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.pending_children import PendingFilter, RetryOutcome

Choice = Callable[[], "PendingFilter"]
"""Gives the rows that are meant; called in a thread."""


@dataclass(frozen=True)
class Meant:
    """The rows that an act is for, so many when it was asked for; `left` of them wait still, as far as is known."""

    chosen: "PendingFilter"
    rows: int
    left: int


class PendingActs(Place):
    """A subclass says what its acts are for in `choice`, tidies up in `acted`, and shows `progress_words`."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: Meant | None = None

    def choice(self) -> Choice | None:
        """The rows that are meant now; None when there is none. What it gives does not change with the cursor."""
        raise NotImplementedError

    def acted(self) -> None:
        """An act is done."""

    def show_progress(self) -> None:
        """`progress_words` are others now."""

    def progress_words(self) -> str:
        meant = self.under_way
        if meant is None:
            return ""
        said = _("▶ looking for parents: {left} of {rows} wait still")
        return said.format(left=formats.whole(meant.left), rows=formats.whole(meant.rows))

    def load(self) -> None:
        meant = self.under_way
        if meant is not None:
            self.read(lambda runtime: runtime.pending_children.count(meant.chosen), self._take_left, group="progress")

    def _take_left(self, left: int) -> None:
        if self.under_way is not None:
            self.under_way = replace(self.under_way, left=left)
            self.show_progress()

    def action_retry(self) -> None:
        refused, choice = self.console.bridge.may_act(), self.choice()
        if refused is not None:
            self.notify(told(refused), severity="warning", markup=False)
        elif self.under_way is not None:
            self.notify(self.progress_words(), markup=False)
        elif choice is not None:
            self.read(lambda runtime: _meant(runtime, choice()), self._ask, group="ask")

    def _ask(self, meant: Meant) -> None:
        if meant.rows == 0:
            self.notify(_("None of these rows waits any more."), markup=False)
            return
        ask = plural("Look for the parent of {n} row now?", "Look for the parents of {n} rows now?", meant.rows)
        then = _(
            "Rows whose parent is there are loaded, and those that wait for them. The others go on waiting; it may "
            "count as one of their tries."
        )
        self.app.push_screen(Question(ask, then), lambda yes: self._retry(meant) if yes else None)

    def _retry(self, meant: Meant) -> None:
        def work(runtime: "Runtime") -> "RetryOutcome":
            try:
                _as_it_was(runtime, meant)
                return runtime.pending_children.retry(meant.chosen)
            finally:
                self.under_way = None

        self.under_way = meant
        self.show_progress()
        self.act(work, lambda outcome: self._tell(meant, outcome))

    def _tell(self, meant: Meant, outcome: "RetryOutcome") -> None:
        self.acted()
        if meant.rows > 1 and self.is_current and outcome.batches:
            self.app.push_screen(WokenScreen(outcome))
        else:
            self.notify("\n".join(outcome_lines(outcome)), timeout=10, markup=False)


def _meant(runtime: "Runtime", chosen: "PendingFilter") -> Meant:
    rows = runtime.pending_children.count(chosen)
    return Meant(chosen, rows, rows)


def _as_it_was(runtime: "Runtime", meant: Meant) -> None:
    """Raises UsageError when more rows wait by now than the operator was asked about."""
    now = runtime.pending_children.count(meant.chosen)
    if now > meant.rows:
        said = _("{now} rows match by now, and not {then}: nothing was done. Ask once more.")
        raise UsageError(said.format(now=formats.whole(now), then=formats.whole(meant.rows)))
