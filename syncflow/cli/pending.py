"""`syncflow pending`: the rows that wait for a parent, whom they wait for, and another try."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.failed_view import some_of
from syncflow.cli.figures import count, facts, local_time, table
from syncflow.cli.graceful import graceful
from syncflow.cli.output import note, say, say_json
from syncflow.cli.progress import display
from syncflow.cli.report import Outcome, exit_code, outcome, outcome_table, remarks
from syncflow.cli.session import send_logs, session
from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold

if TYPE_CHECKING:
    from uuid import UUID

    from syncflow.runtime import Runtime
    from syncflow.service.pending_children import Blocker, ListedChild, PendingView, RetryOutcome
    from syncflow.store.pending_filter import PendingFilter
    from syncflow.store.pending_lists import PendingChild

app = typer.Typer(
    help="The rows that wait for a parent which ScheduleHub does not have yet.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_UIDS = typer.Argument(metavar="ROW", help="Waiting rows by number, or its beginning.")
_UID = typer.Argument(metavar="ROW", help="The waiting row's number, or its beginning.")
_ENTITY = typer.Option("--entity", help="Rows of this entity.")
_PARENT = typer.Option("--parent", metavar="ENTITY", help="That wait for a row of this entity.")
_PARENT_KEY = typer.Option(
    "--parent-key", metavar="KEY", help="That wait for this key, such as order_no=4711, or its hash."
)
_SINCE = typer.Option("--since", metavar="TIME", help="That wait since then, such as 2026-07-01 or 2026-07-01T22:00.")
_JSON = typer.Option("--json", help="As JSON.")


@dataclass(frozen=True)
class ListDocument:
    """What `pending list --json` prints: `total` rows are like that, `rows` are the newest of them."""

    total: int
    rows: list["ListedChild"]


@dataclass(frozen=True)
class RetryDocument:
    """What `pending retry --json` prints: `asked` rows were looked after, `waiting` rows like these wait now."""

    asked: int
    waiting: int
    batches: list[Outcome]
    exit_code: int


@dataclass(frozen=True)
class _Choice:
    """What was given on the command line, as it was given."""

    entity: str | None = None
    parent: str | None = None
    parent_key: str | None = None
    since: str | None = None
    rows: Sequence[str] = ()

    def filter(self, runtime: "Runtime") -> "PendingFilter":
        """Raises UsageError for what cannot be meant."""
        from syncflow.store.pending_filter import PendingFilter  # deferred: help need not wait for it

        if self.rows and self != _Choice(rows=self.rows):
            raise UsageError("Name the rows, or say which ones by options, one of the two.")
        uids: tuple[UUID, ...] | None = None
        if self.rows:
            uids = tuple(dict.fromkeys(runtime.pending_children.get(row).row.uid for row in self.rows))
        since = None if self.since is None else _moment(self.since)
        return PendingFilter(self.entity, self.parent, self.parent_key, since, uids=uids)


@app.command("list")
def list_(
    entity: Annotated[str | None, _ENTITY] = None,
    parent: Annotated[str | None, _PARENT] = None,
    parent_key: Annotated[str | None, _PARENT_KEY] = None,
    since: Annotated[str | None, _SINCE] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="ROW", help="Go on behind this row, the last one of a list.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the newest first.")] = 20,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """List rows that wait for a parent, the newest first."""
    with session() as runtime:
        service = runtime.pending_children
        chosen = _Choice(entity, parent, parent_key, since).filter(runtime)
        behind = None if after is None else service.get(after).row.uid
        rows, total = service.page(chosen, behind, limit), service.count(chosen)
    if json:
        say_json(ListDocument(total, rows))
    elif not rows:
        note(_("No row waits that is like that."))
    else:
        for line in _list_lines(rows, total):
            say(line)


@app.command()
def show(row: Annotated[str, _UID], json: Annotated[bool, _JSON] = False) -> None:
    """Show one waiting row, and why its parent is missing."""
    with session() as runtime:
        view = runtime.pending_children.get(row)
    if json:
        say_json(view)
    else:
        for line in _detail_lines(view):
            say(line)


@app.command()
def blockers(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = 20,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """List the missing parents that most rows wait for, directly or through others, and why they are missing."""
    with session() as runtime:
        found = runtime.pending_children.blockers(limit)
    if json:
        say_json(found)
    elif not found:
        note(_("No row waits for a parent."))
    else:
        for line in _blocker_lines(found):
            say(line)


@app.command()
def retry(
    rows: Annotated[list[str] | None, _UIDS] = None,
    entity: Annotated[str | None, _ENTITY] = None,
    parent: Annotated[str | None, _PARENT] = None,
    parent_key: Annotated[str | None, _PARENT_KEY] = None,
    since: Annotated[str | None, _SINCE] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every waiting row.")] = False,
    due: Annotated[bool, typer.Option("--due", help="Those whose wait is over, as the schedule does it.")] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Load waiting rows whose parents are there by now: those named, or all that fit the options.

    What waited for the rows that are loaded is loaded as well. Rows whose parent is still missing go on waiting.
    """
    choice = _Choice(entity, parent, parent_key, since, rows or ())
    if (choice != _Choice()) + all_ + due != 1:
        raise UsageError("Name the rows, or say which ones by options, or --all, or --due, one of these.")
    shown = display(quiet=json)
    with session(shown) as runtime, graceful(runtime.stopping), shown:
        send_logs(runtime.settings)
        service = runtime.pending_children
        result = service.retry_due() if due else service.retry(choice.filter(runtime))
    _tell(result, json=json)


def _tell(result: "RetryOutcome", *, json: bool) -> None:
    ended = [outcome(batch) for batch in result.batches]
    code = exit_code(ended)
    if json:
        say_json(RetryDocument(result.asked, result.waiting, ended, code))
    else:
        for line in (*(outcome_table(ended) if ended else ()), *remarks(ended)):
            say(line)
        say(_summary(result))
    raise typer.Exit(code)


def _summary(result: "RetryOutcome") -> str:
    if not result.waiting:
        return plural(
            "{n} row looked after; none of them waits any more.",
            "{n} rows looked after; none of them waits any more.",
            result.asked,
        )
    return plural(
        "{n} row looked after; {waiting} like these wait now. To see for whom: syncflow pending blockers",
        "{n} rows looked after; {waiting} like these wait now. To see for whom: syncflow pending blockers",
        result.asked,
        waiting=count(result.waiting),
    )


def _list_lines(rows: Sequence["ListedChild"], total: int) -> Iterator[str]:
    header = [N_("number"), N_("row"), N_("waits for"), N_("since"), N_("attempts")]
    lines = [
        [
            str(row.uid),
            f"{row.child_entity} {row.child_key}".rstrip(),
            f"{row.parent_entity} {row.parent_key}",
            local_time(row.created_at),
            _attempts(row),
        ]
        for row in rows
    ]
    yield from table(header, lines, left=header)
    if len(rows) < total:
        yield some_of(len(rows), total, rows[-1].uid)


def _attempts(row: "PendingChild") -> str:
    return _("{some} of {all}").format(some=count(row.retry_count), all=count(row.max_retries))


def _detail_lines(view: "PendingView") -> Iterator[str]:
    row = view.row
    parent = _("{entity} {key} (reference {ref})")
    yield from facts(
        {
            N_("row"): str(row.uid),
            N_("entity"): row.child_entity,
            N_("waits for"): parent.format(entity=row.parent_entity, key=row.parent_key, ref=row.parent_ref),
            N_("reason"): retold(view.blocker.reason),
            N_("batch"): str(row.batch_uid),
            N_("since"): local_time(row.created_at),
            N_("attempts"): _attempts(row),
            N_("looked for"): local_time(row.tried_at),
            N_("next"): local_time(row.next_retry_at) or _("with the next sync"),
        }
    )
    yield ""
    yield _("as the source sent it") + ":"
    wide = max(map(len, row.child_payload), default=0)
    yield from (f"  {name.ljust(wide)}  {value!r}" for name, value in row.child_payload.items() if value is not None)


def _blocker_lines(found: Sequence["Blocker"]) -> Iterator[str]:
    header = [N_("rows"), N_("directly"), N_("missing parent"), N_("since"), N_("why")]
    lines = [
        [
            count(each.descendants),
            count(each.children),
            f"{each.entity} {each.key}",
            local_time(each.since),
            retold(each.reason),
        ]
        for each in found
    ]
    yield from table(header, lines, left=header[2:])


def _moment(text: str) -> datetime:
    """A time without an offset is one of this machine's time zone."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise UsageError(
            "--since takes a day or a time such as 2026-07-01T22:00, and not {text}.", text=repr(text)
        ) from None
