"""What can be done with failed records, the same from their list, from groups and from one record."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from syncflow.errors import SyncFlowError, UsageError
from syncflow.events import BatchEnded, ChunkSettled, News
from syncflow.i18n import formats
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.texts import retold, told
from tui.screens.place import Place
from tui.screens.question import Question, TypedQuestion
from tui.screens.retried import RetriedScreen, result_lines

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.failed_records import Closed, FailedFilter, RetryResult

T = TypeVar("T")

Choices = Callable[["Runtime"], "Sequence[FailedFilter]"]
"""Gives the records that are meant; called in a thread."""
REFUSALS = 3
"""So many are told in one toast."""


@dataclass(frozen=True)
class Meant:
    """The records that an act is for, as they were when it was asked for: so many open ones by entity."""

    choices: "tuple[FailedFilter, ...]"
    rows: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


@dataclass
class UnderWay:
    """How far a retry is, as far as batches of its entities tell."""

    meant: Meant
    rows: dict[UUID, int] = field(default_factory=dict)

    def take(self, news: News) -> bool:
        """Whether it is further than before."""
        if not isinstance(news, ChunkSettled | BatchEnded) or news.entity not in self.meant.rows:
            return False
        self.rows[news.batch] = news.counters.fetched
        return True

    def words(self) -> str:
        done, total = min(sum(self.rows.values()), self.meant.total), self.meant.total
        return _("▶ trying again: {done} of {total}").format(done=formats.whole(done), total=formats.whole(total))


def of_all(runtime: "Runtime", choices: "Sequence[FailedFilter]") -> Meant:
    """What is open of these. Raises UsageError when nothing is, and says what became of it."""
    rows: Counter[str] = Counter()
    refused: list[UsageError] = []
    for chosen in choices:
        try:
            rows.update(runtime.failed_records.open_among(chosen))
        except UsageError as error:
            refused.append(error)
    if not rows and refused:
        raise refused[0]
    return Meant(tuple(choices), rows)


class FailedActs(Place):
    """A subclass says what its acts are for in `choices`, tidies up in `acted`, and shows `progress_words`."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way: UnderWay | None = None
        self.result: RetryResult | None = None
        """What came of the last retry."""

    def choices(self) -> Choices | None:
        """The records that are meant now; None when there is none. What it gives does not change with the cursor."""
        raise NotImplementedError

    def acted(self) -> None:
        """An act is done."""

    def show_progress(self) -> None:
        """`progress_words` are others now."""

    def progress_words(self) -> str:
        return "" if self.under_way is None else self.under_way.words()

    def happened(self, news: News) -> None:
        if self.under_way is not None and self.under_way.take(news):
            self.show_progress()
        super().happened(news)

    def left_out(self, meant: Meant) -> str:  # noqa: ARG002 - for those who override it
        """These rows were left out, or closed; how that is taken back."""
        return _("state:resolved finds them; there, u takes it back.")

    def ask(self, then: Callable[[Meant], None]) -> None:
        """Count what is meant, in a thread, and go on with that."""
        choices = self.choices() if self._may_act() else None
        if choices is not None:
            self.safely(lambda runtime: of_all(runtime, choices(runtime)), then, group="ask")

    def _may_act(self) -> bool:
        refused = self.console.bridge.may_act()
        if refused is not None:
            self.notify(told(refused), severity="warning", markup=False)
        return refused is None

    def safely(self, work: Callable[["Runtime"], T], then: Callable[[T], None], *, group: str) -> None:
        """As `read`, but what goes wrong is told as an answer to a key, and not as a trouble of the screen."""

        def tried(runtime: "Runtime") -> T | SyncFlowError:
            try:
                return work(runtime)
            except SyncFlowError as error:
                return error

        def go_on(found: T | SyncFlowError) -> None:
            if isinstance(found, SyncFlowError):
                self.notify(str(found), severity="warning", timeout=10, markup=False)
            else:
                then(found)

        self.read(tried, go_on, group=group)

    def action_retry(self) -> None:
        if self.under_way is not None:
            self.notify(self.progress_words(), markup=False)
        else:
            self.ask(self._sure_to_retry)

    def _sure_to_retry(self, meant: Meant) -> None:
        if meant.total == 1:
            self._retry(meant)
            return
        ask = plural("Try {n} record again?", "Try {n} records again?", meant.total)
        then = _("Each is read as the source sent it, under today's configuration. {entities}")
        self.app.push_screen(
            Question(ask, then.format(entities=_by_entity(meant))), lambda yes: self._retry(meant) if yes else None
        )

    def _retry(self, meant: Meant) -> None:
        def work(runtime: "Runtime") -> "RetryResult":
            try:
                as_it_was(runtime, meant)
                return retried(runtime, meant.choices)
            finally:
                self.under_way = None

        self.under_way = UnderWay(meant)
        self.notify(_("Trying again .."), markup=False)
        self.show_progress()
        self.act(work, lambda result: self._tell_retried(meant, result))

    def _tell_retried(self, meant: Meant, result: "RetryResult") -> None:
        self.result = result
        self.acted()
        if meant.total > 1 and self.is_current:
            self.app.push_screen(RetriedScreen(result))
            return
        failed = [retold(again.message) for each in result.retried for again in each.tally.failures]
        lines = [*result_lines(result), *failed[:1], *result.refused[:REFUSALS]]
        more = [] if meant.total == 1 else [_("T shows what came of it.")]
        self.notify(
            "\n".join([*lines, *more]), severity="warning" if failed else "information", timeout=12, markup=False
        )

    def action_result(self) -> None:
        """What came of the last retry."""
        if self.result is None:
            self.notify(_("Nothing was tried again from here yet."), markup=False)
        else:
            self.app.push_screen(RetriedScreen(self.result))

    def action_ignore(self) -> None:
        then = _("They are counted as ignored for as long as the source sends them as they are. Say why:")
        self.ask(lambda meant: self._ask_reason(
            plural("Leave {n} row out?", "Leave {n} rows out?", meant.total), then, meant, ignore=True
        ))  # fmt: skip

    def action_resolve(self) -> None:
        then = _("A row that fails again opens a new record; u takes it back until the next sync. Say why:")
        self.ask(lambda meant: self._ask_reason(
            plural("Close {n} record by hand?", "Close {n} records by hand?", meant.total), then, meant, ignore=False
        ))  # fmt: skip

    def _ask_reason(self, ask: str, then: str, meant: Meant, *, ignore: bool) -> None:
        detail = f"{_by_entity(meant)} · {then}" if meant.total > 1 else then
        self.app.push_screen(
            TypedQuestion(ask, detail), lambda reason: self._close(meant, reason, ignore=ignore) if reason else None
        )

    def _close(self, meant: Meant, reason: str, *, ignore: bool) -> None:
        def work(runtime: "Runtime") -> "list[Closed]":
            as_it_was(runtime, meant)
            close = runtime.failed_records.ignore if ignore else runtime.failed_records.resolve
            return [close(chosen, reason) for chosen in meant.choices]

        self.act(work, lambda closed: self._tell_closed(closed, self.left_out(meant)))

    def _tell_closed(self, closed: "list[Closed]", undo: str) -> None:
        self.acted()
        rows = sum(each.rows for each in closed)
        said = [(plural("{n} record closed.", "{n} records closed.", rows) + f" {undo}").rstrip()]
        self.notify("\n".join([*said, *[why for each in closed for why in each.refused][:REFUSALS]]), markup=False)

    def withdraw(self, find: "Callable[[Runtime], Sequence[UUID]]") -> None:
        """Take back the decisions on the records that `find` gives in a thread; where there are several, after a
        question."""
        if self._may_act():
            self.safely(find, self._sure_to_withdraw, group="ask")

    def _sure_to_withdraw(self, uids: Sequence[UUID]) -> None:
        if len(uids) == 1:
            self._withdraw(uids)
        elif not uids:
            self.notify(_("None of these is a decision that holds."), markup=False)
        else:
            ask = plural("Take back {n} decision?", "Take back {n} decisions?", len(uids))
            then = _("The rows stand among the failed ones again.")
            self.app.push_screen(Question(ask, then), lambda yes: self._withdraw(uids) if yes else None)

    def _withdraw(self, uids: Sequence[UUID]) -> None:
        self.act(lambda runtime: withdrawn(runtime, uids), self._tell_withdrawn)

    def _tell_withdrawn(self, done: "Withdrawn") -> None:
        self.acted()
        said = plural(
            "Taken back: {n} row stands among the failed ones again.",
            "Taken back: {n} rows stand among the failed ones again.",
            len(done.reopened),
        )
        self.reopened(done.reopened)
        self.notify("\n".join([said, *done.refused[:REFUSALS]]), markup=False)

    def reopened(self, records: Sequence[UUID]) -> None:
        """The rows of withdrawn decisions stand open again under these numbers."""


@dataclass(frozen=True)
class Withdrawn:
    """The records that are open instead, and why others could not be withdrawn."""

    reopened: tuple[UUID, ...]
    refused: tuple[str, ...]


def withdrawn(runtime: "Runtime", uids: Sequence[UUID]) -> Withdrawn:
    """One after the other. Raises UsageError when none holds any more."""
    reopened: list[UUID] = []
    refused: list[UsageError] = []
    for uid in uids:
        try:
            reopened.append(runtime.failed_records.withdraw(str(uid)).uid)
        except UsageError as error:
            refused.append(error)
    if not reopened and refused:
        raise refused[0]
    return Withdrawn(tuple(reopened), tuple(map(str, refused)))


def as_it_was(runtime: "Runtime", meant: Meant) -> None:
    """Raises UsageError when there are more open records by now than the operator was asked about."""
    if all(chosen.uids is not None for chosen in meant.choices):
        return
    now = of_all(runtime, meant.choices).total
    if now > meant.total:
        said = _("{now} records match by now, and not {then}: nothing was done. Ask once more.")
        raise UsageError(said.format(now=formats.whole(now), then=formats.whole(meant.total)))


def retried(runtime: "Runtime", choices: "Sequence[FailedFilter]") -> "RetryResult":
    """One after the other. Raises UsageError when none could be tried."""
    from syncflow.service.failed_records import RetryResult  # deferred: called in threads

    results: list[RetryResult] = []
    refused: list[UsageError] = []
    for chosen in choices:
        try:
            results.append(runtime.failed_records.retry(chosen))
        except UsageError as error:
            refused.append(error)
    if not results:
        raise refused[0]
    return RetryResult(
        tuple(one for each in results for one in each.retried),
        tuple(one for each in results for one in each.woken),
        (*(why for each in results for why in each.refused), *map(str, refused)),
    )


def _by_entity(meant: Meant) -> str:
    return ", ".join(f"{name} {formats.whole(rows)}" for name, rows in sorted(meant.rows.items()))
