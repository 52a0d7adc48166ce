"""`syncflow remedies`: failed records in groups that failed alike, and a rule that mends a whole group."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.confirm import confirmed
from syncflow.cli.failed_choice import ENTITY, ERROR_TYPE, FIELD, STAGE, TEXT, Choice
from syncflow.cli.failed_view import retry_exit_code, retry_lines
from syncflow.cli.figures import count, table
from syncflow.cli.graceful import graceful
from syncflow.cli.output import note, say, say_json
from syncflow.cli.progress import display
from syncflow.cli.session import send_logs, session
from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.texts import retold

if TYPE_CHECKING:
    from syncflow.service.remedies import Preview, Remedy, SavedRule
    from syncflow.store.failed_filter import FailedFilter
    from syncflow.store.failed_groups import FailedGroup

app = typer.Typer(
    help="Groups of failed records that failed alike, and rules that mend a whole group.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

SENTENCE_WIDTH = 160
_JSON = typer.Option("--json", help="As JSON.")
_YES = typer.Option("--yes", help="Do not ask.")
_ENTITY = typer.Argument(metavar="ENTITY", help="The entity.")
_FIELD = typer.Argument(metavar="FIELD", help="The field that the rule is for, by its name at the source.")
_MATCH = typer.Option("--match", metavar="VALUE", help="Replace values that are this, blanks around it aside.")
_PATTERN = typer.Option("--pattern", metavar="REGEX", help="Replace what this regular expression finds in a value.")
_TO = typer.Option("--to", metavar="VALUE", help="By this; $1 is what the first group of the pattern found.")
_NULL = typer.Option("--null", help="By NULL.")
_DEFAULT = typer.Option("--default", metavar="VALUE", help="Let this stand for NULL.")


@dataclass(frozen=True)
class AppliedDocument:
    """What `remedies apply --json` prints: the entity's new version, and how many records passed and failed again."""

    entity: str
    version: int
    passed: int
    failed: int


@app.command()
def groups(
    entity: Annotated[str | None, ENTITY] = None,
    stage: Annotated[str | None, STAGE] = None,
    field: Annotated[str | None, FIELD] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    text: Annotated[str | None, TEXT] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, the largest first.")] = 20,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Show open failed records in groups that failed alike, the largest first."""
    choice = Choice(entity=entity, stage=stage, field=field, error_type=error_type, text=text)
    with session() as runtime:
        found = runtime.remedies.groups(choice.filter(runtime), limit)
    if json:
        say_json(found)
    elif not found:
        note(_("No failed record is open."))
    else:
        for group in found:
            for line in _group_lines(group):
                say(line)


@app.command()
def preview(
    entity: Annotated[str, _ENTITY],
    field: Annotated[str, _FIELD],
    match: Annotated[str | None, _MATCH] = None,
    pattern: Annotated[str | None, _PATTERN] = None,
    to: Annotated[str | None, _TO] = None,
    null: Annotated[bool, _NULL] = False,
    default: Annotated[str | None, _DEFAULT] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Try a rule on all open failed records of a field, and change nothing.

    For example: syncflow remedies preview items QTY --match N/A --null
    """
    remedy = _remedy(field, match, pattern, to, default, null=null)
    with session() as runtime:
        previewed = runtime.remedies.preview(_chosen(entity, field, error_type), remedy)
    if json:
        say_json(previewed)
    else:
        for line in _preview_lines(previewed):
            say(line)


@app.command()
def apply(
    entity: Annotated[str, _ENTITY],
    field: Annotated[str, _FIELD],
    match: Annotated[str | None, _MATCH] = None,
    pattern: Annotated[str | None, _PATTERN] = None,
    to: Annotated[str | None, _TO] = None,
    null: Annotated[bool, _NULL] = False,
    default: Annotated[str | None, _DEFAULT] = None,
    error_type: Annotated[str | None, ERROR_TYPE] = None,
    yes: Annotated[bool, _YES] = False,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """Keep a rule as configuration of the entity, and try the field's failed records again.

    The rule holds for every row from the next sync on. `syncflow remedies remove` takes it away.
    """
    remedy = _remedy(field, match, pattern, to, default, null=null)
    shown = display(quiet=json)
    with session(shown) as runtime, graceful(runtime.stopping), shown:
        send_logs(runtime.settings)
        chosen = _chosen(entity, field, error_type)
        if not yes:
            for line in _preview_lines(runtime.remedies.preview(chosen, remedy)):
                note(line)
        asked = _("Keep this rule for {field} of {entity}, and try the records again?").format(
            field=field, entity=entity
        )
        if not confirmed(asked, yes=yes):
            return
        applied = runtime.remedies.apply(chosen, remedy)
    tallies = [done.tally for done in applied.retried.retried]
    if json:
        passed, failed = sum(tally.passed for tally in tallies), sum(tally.failed for tally in tallies)
        say_json(AppliedDocument(entity, applied.entity.version, passed, failed))
    else:
        kept = _("{entity}: the rule for {field} is kept (version {version}).")
        say(kept.format(entity=entity, field=field, version=applied.entity.version))
        for line in retry_lines(applied.retried):
            say(line)
    raise typer.Exit(retry_exit_code(applied.retried))


@app.command("list")
def list_(
    entity: Annotated[str | None, typer.Argument(metavar="ENTITY", help="Only this entity's.")] = None,
    json: Annotated[bool, _JSON] = False,
) -> None:
    """List the rules that hold."""
    with session() as runtime:
        rules = runtime.remedies.rules(entity)
    if json:
        say_json(rules)
    elif not rules:
        note(_("There is no rule. See what failed: syncflow remedies groups"))
    else:
        _say_rules(rules)


@app.command()
def remove(
    entity: Annotated[str, _ENTITY],
    field: Annotated[str, _FIELD],
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="The rule's number in the list.")],
    yes: Annotated[bool, _YES] = False,
) -> None:
    """Take a rule away. Rows are judged without it from the next sync on."""
    with session() as runtime:
        asked = _("Take rule {number} for {field} of {entity} away?")
        if confirmed(asked.format(number=number, field=field, entity=entity), yes=yes):
            changed = runtime.remedies.remove(entity, field, number)
            gone = _("{entity}: rule {number} for {field} is gone (version {version}).")
            say(gone.format(entity=entity, number=number, field=field, version=changed.version))


def _remedy(
    field: str, match: str | None, pattern: str | None, to: str | None, default: str | None, *, null: bool
) -> "Remedy":
    from syncflow.model import Replacement  # deferred: help need not wait for it
    from syncflow.service.remedies import Remedy

    if default is not None:
        if match is not None or pattern is not None or to is not None or null:
            raise UsageError("--default is a rule by itself: leave out --match, --pattern, --to and --null.")
        return Remedy(field, default=default)
    if (match is None) == (pattern is None):
        raise UsageError("Say which values: --match VALUE or --pattern REGEX, one of the two; or --default VALUE.")
    if (to is None) != null:
        raise UsageError("Say by what they are replaced: --to VALUE or --null, one of the two.")
    return Remedy(field, Replacement(match, pattern, to))


def _chosen(entity: str, field: str, error_type: str | None) -> "FailedFilter":
    from syncflow.store.failed_filter import FailedFilter  # deferred, too

    return FailedFilter(entity=entity, field=field, error_type=error_type)


def _group_lines(group: "FailedGroup") -> Iterator[str]:
    where = f"{group.entity} {group.field}" if group.field else group.entity
    samples = f": {', '.join(repr(sample) for sample in group.samples)}" if group.samples else ""
    yield f"{plural('{n} row', '{n} rows', group.rows)}: {where}, {group.error_type} ({group.stage}){samples}"
    line = " ".join(retold(group.message).split())
    yield f"    {line if len(line) <= SENTENCE_WIDTH else line[: SENTENCE_WIDTH - 1] + '…'}"


def _preview_lines(previewed: "Preview") -> Iterator[str]:
    if not previewed.rows:
        yield _("No failed record of this field is open, so there is nothing to try the rule on.")
    elif not previewed.touched:
        yield plural(
            "The rule fits none of {n} record: nothing would change.",
            "The rule fits none of {n} records: nothing would change.",
            previewed.rows,
        )
    else:
        yield plural(
            "{passing} of {n} record would pass; the rule fits {fitting}.",
            "{passing} of {n} records would pass; the rule fits {fitting}.",
            previewed.rows,
            passing=count(previewed.pass_now),
            fitting=count(previewed.touched),
        )
    for sample in previewed.samples:
        yield f"    {_value(sample.before)} -> {_value(sample.after)}"
    for reason, rows in previewed.reasons:
        still = plural(
            "{n} record would still fail: {reason}",
            "{n} records would still fail: {reason}",
            rows,
            reason=retold(reason),
        )
        yield f"  {still}"
    if previewed.also_changed:
        yield plural(
            "Beware: of the first {n} row at the source the rule would also change {rows} that pass today.",
            "Beware: of the first {n} rows at the source the rule would also change {rows} that pass today.",
            previewed.looked_at,
            rows=count(previewed.also_changed),
        )


def _value(value: str | None) -> str:
    return "NULL" if value is None else repr(value)


def _say_rules(rules: Sequence["SavedRule"]) -> None:
    header = [N_("entity"), N_("field"), N_("number"), N_("values"), N_("become")]
    rows = [
        [
            rule.entity,
            rule.field,
            str(rule.number),
            repr(rule.replacement.match) if rule.replacement.match is not None else f"/{rule.replacement.pattern}/",
            _value(rule.replacement.to),
        ]
        for rule in rules
    ]
    for text in table(header, rows, left=("entity", "field", "values", "become")):
        say(text)
