"""The form of an entity: its sections and lines, made anew from the draft after every change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar

from syncflow.errors import ConfigurationError, UsageError
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import told
from syncflow.model import (
    Conventions,
    DateOrder,
    DeleteMode,
    DeltaStrategy,
    DriftMode,
    Entity,
    NumberFormat,
    Paging,
)
from tui.marks import Tone
from tui.screens.entity_draft import (
    known_name,
    known_names,
    mapping_of,
    names,
    whole_number,
)
from tui.widgets.form_fields import FormField, FormSection, Option

E = TypeVar("E", bound=StrEnum)
Line = FormField[Entity]
Section = FormSection[Entity]

YES_NO = (Option("true", label=N_("yes")), Option("false", label=N_("no")))

STRATEGIES = (
    Option("full", N_("every row is written every time, without comparing.")),
    Option(
        "rowversion",
        N_("only rows with a newer rowversion are asked for; rows that are gone are noticed by a full sync alone."),
    ),
    Option("hash", N_("the whole table is read, rows that differ are written, rows that are gone are deleted.")),
)
PAGINGS = (
    Option("keyset", N_("by the last key seen: a table that changes meanwhile cannot disturb it.")),
    Option("pages", N_("numbered pages, several at once: for a slow source.")),
)
DELETIONS = (
    Option("hard", N_("the row is deleted.")),
    Option("soft", N_("the row stays, with the time of its deletion.")),
    Option("ignore", N_("the row stays as it is.")),
)
DRIFTS = (
    Option("evolve", N_("the table in ScheduleHub gets the new column, or a wider type.")),
    Option("freeze", N_("the batch stops before it loads anything.")),
)
NUMBERS = (Option("1,234.50"), Option("1.234,50"))
DATES = (
    Option("DMY", N_("day, month, year.")),
    Option("MDY", N_("month, day, year.")),
    Option("YMD", N_("year, month, day.")),
)


@dataclass(frozen=True)
class Known:
    """What a form knows besides the draft: other entities by name, and the API's columns (source names)."""

    entities: Mapping[str, Entity] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    def targets(self, entity: Entity) -> tuple[str, ...]:
        return tuple(mapping_of(entity, source).target for source in self.sources)


def settings_sections(draft: Entity, before: Entity | None, known: Known, parents: Section) -> tuple[Section, ...]:
    """All but the fields of the API; `parents` is the section of the references, which has its place among them."""
    made = [_identity(draft)] if before is None else []
    made += [
        _keys(draft, known),
        _strategy(draft, known),
        _deletion(draft),
        _drift(draft),
        parents,
        _conventions(draft),
        _schedule(draft),
    ]
    return tuple(replace(section, is_changed=_differs(section, draft, before)) for section in made)


def _differs(section: Section, draft: Entity, before: Entity | None) -> bool:
    if before is None:
        return False
    return section.is_changed or any(line.read(draft) != line.read(before) for line in section.fields)


def _text(key: str, label: str, about: str) -> Line:
    """A line for a setting that is a text."""

    def write(entity: Entity, text: str) -> Entity:
        if not text or len(text.split()) != 1:
            raise UsageError(_("Here must stand one word."))
        return replace(entity, **{key: text})  # type: ignore[arg-type]

    return FormField(key, label, lambda entity: str(getattr(entity, key)), write, about)


def _choice(key: str, label: str, about: str, kind: type[E], options: tuple[Option, ...]) -> Line:
    def write(entity: Entity, text: str) -> Entity:
        return replace(entity, **{key: kind(text)})  # type: ignore[arg-type]

    return FormField(key, label, lambda entity: str(getattr(entity, key)), write, about, options=options)


def _fields_list(key: str, label: str, about: str, known: Known, empty: str = "") -> Line:
    def write(entity: Entity, text: str) -> Entity:
        targets = known.targets(entity)
        chosen = known_names(text, targets, _("field")) if targets else names(text)
        return replace(entity, **{key: chosen})  # type: ignore[arg-type]

    def read(entity: Entity) -> str:
        return ", ".join(getattr(entity, key))

    return FormField(key, label, read, write, about, many=True, empty=empty)


def _with_words(line: Line, draft: Entity, known: Known) -> Line:
    return replace(line, words=known.targets(draft))


def _identity(draft: Entity) -> Section:
    lines = (
        _text("name", N_("name"), N_("What it is called here, and its table in ScheduleHub.")),
        _text("api", N_("API"), N_("The API of APISmith that its rows come from.")),
    )
    return Section("identity", _("entity"), f"{draft.name} ← {draft.api}", fields=lines)


def _keys(draft: Entity, known: Known) -> Section:
    line = _fields_list(
        "business_key",
        N_("business key"),
        N_("The fields that tell a row from all others, by their target names, with commas between."),
        known,
    )
    return Section("keys", _("keys"), ", ".join(draft.business_key), fields=(_with_words(line, draft, known),))


def _strategy(draft: Entity, known: Known) -> Section:
    excluded = _fields_list(
        "hash_exclude",
        N_("not compared"),
        N_("Fields whose changes alone do not count as a change."),
        known,
        N_("all fields are compared"),
    )
    lines: tuple[Line, ...] = (
        _choice("delta_strategy", N_("strategy"), N_("How a batch finds what changed."), DeltaStrategy, STRATEGIES),
        FormField(
            "rowversion_field",
            N_("rowversion"),
            lambda entity: entity.rowversion_field or "",
            lambda entity, text: replace(entity, rowversion_field=_one_field(entity, text, known)),
            N_("The field that grows with each change of a row."),
            words=known.targets(draft),
            empty=N_("none"),
        ),
        FormField(
            "lookback",
            N_("lookback"),
            lambda entity: str(entity.lookback),
            lambda entity, text: replace(entity, lookback=whole_number(text)),
            N_("How far behind the last rowversion is read again: seconds for times, units for numbers."),
        ),
        _with_words(excluded, draft, known),
        _choice("paging", N_("paging"), N_("How a whole table is read."), Paging, PAGINGS),
    )
    parts = [str(draft.delta_strategy)]
    if draft.rowversion_field is not None:
        parts.append(_("by {field}").format(field=draft.rowversion_field))
    if draft.lookback:
        parts.append(_("lookback {}").format(draft.lookback))
    return Section("strategy", _("strategy"), " · ".join(parts), fields=lines)


def _one_field(entity: Entity, text: str, known: Known) -> str | None:
    targets = known.targets(entity)
    if not text:
        return None
    return known_name(text, targets, _("field")) if targets else text


def _deletion(draft: Entity) -> Section:
    line = _choice(
        "delete_mode", N_("a row that is gone"), N_("What becomes of it in ScheduleHub."), DeleteMode, DELETIONS
    )
    return Section("deletion", _("deletion"), str(draft.delete_mode), fields=(line,))


def _drift(draft: Entity) -> Section:
    about = N_("What happens when a column appears or changes its type.")
    line = _choice("drift_mode", N_("a new column"), about, DriftMode, DRIFTS)
    return Section("drift", _("drift"), str(draft.drift_mode), fields=(line,))


def _conventions(draft: Entity) -> Section:
    lines = (
        FormField(
            "numbers",
            N_("numbers"),
            lambda entity: str(entity.conventions.numbers),
            lambda entity, text: _convened(entity, numbers=NumberFormat(text)),
            N_("How the source writes numbers in texts."),
            options=NUMBERS,
        ),
        FormField(
            "dates",
            N_("dates"),
            lambda entity: str(entity.conventions.dates),
            lambda entity, text: _convened(entity, dates=DateOrder(text)),
            N_("The order in dates of digits; those that begin with the year are always read so."),
            options=DATES,
        ),
    )
    return Section(
        "conventions",
        _("conventions"),
        f"{draft.conventions.numbers} · {draft.conventions.dates}",
        fields=lines,
    )


def _convened(entity: Entity, numbers: NumberFormat | None = None, dates: DateOrder | None = None) -> Entity:
    now = entity.conventions
    return replace(entity, conventions=Conventions(numbers or now.numbers, dates or now.dates))


def flag(key: str, label: str, about: str, read: Callable[[Entity], bool],
         write: Callable[[Entity, bool], Entity]) -> Line:  # fmt: skip
    return FormField(
        key,
        label,
        lambda entity: "true" if read(entity) else "false",
        lambda entity, text: write(entity, text == "true"),
        about,
        options=YES_NO,
    )


def _with_schedule(entity: Entity, text: str) -> Entity:
    from syncflow.service.entities import check_cadence  # heavy, and of no use before

    changed = replace(entity, sync_schedule=text or None)
    try:
        check_cadence(changed)
    except ConfigurationError as error:
        raise UsageError(told(error)) from error
    return changed


def _schedule(draft: Entity) -> Section:
    lines: tuple[Line, ...] = (
        flag(
            "sync_enabled",
            N_("enabled"),
            N_("Whether the schedules and a sync of all entities mean this one."),
            lambda entity: entity.sync_enabled,
            lambda entity, yes: replace(entity, sync_enabled=yes),
        ),
        FormField(
            "sync_schedule",
            N_("schedule"),
            lambda entity: entity.sync_schedule or "",
            _with_schedule,
            N_("When it is synced by itself: `every 15 min`, or five fields of cron, such as `30 5 * * MON-FRI`."),
            empty=N_("only when somebody asks"),
        ),
    )
    enabled = _("enabled") if draft.sync_enabled else _("disabled")
    tone = Tone.PLAIN if draft.sync_enabled else Tone.WARN
    return Section("schedule", _("schedule"), " · ".join(filter(None, (enabled, draft.sync_schedule))), tone, lines)


def other_fields(sources: Sequence[str], entity: Entity) -> tuple[str, ...]:
    """The API's columns as far as they are known: those of a sample, or else those that the entity speaks of."""
    if sources:
        return tuple(sources)
    return tuple(dict.fromkeys((*entity.column_types, *(mapping.source for mapping in entity.mappings))))
