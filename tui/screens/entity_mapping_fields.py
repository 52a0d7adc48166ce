"""The form of an entity's mappings: one line for each column of the API, its settings and a preview below it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.i18n.formats import whole
from syncflow.i18n.texts import retold
from syncflow.model import Entity, FieldMapping, Replacement, Transformation
from tui.marks import Tone, toned
from tui.screens.entity_draft import mapping_of, with_mapping, with_replacement, with_type
from tui.screens.entity_fields import Line, Section, flag
from tui.widgets.form_fields import FormField, Option

if TYPE_CHECKING:
    from syncflow.service.mapping_preview import EntityPreview, FieldPreview, ValuePreview

SHOWN_VALUES = 8
TARGET_WIDTH, TYPE_WIDTH = 20, 14
_TRANSFORMATIONS = tuple(Option(str(each)) for each in Transformation)
_ONLY_FOR = {"transformation": "text", "fold": "text", "jalali": "datetime", "keep_nanoseconds": "datetime"}
"""Settings that are refused for columns of another kind."""
_MATCH, _PATTERN = "match", "pattern"


def mappings_section(
    draft: Entity, before: Entity | None, sources: Sequence[str], preview: "EntityPreview | None"
) -> Section:
    """`preview` is None until there is one."""
    found = {} if preview is None else {each.mapping.source: each for each in preview.fields}
    widest = max((cell_len(mapping_of(draft, source).target) for source in sources), default=0)
    widths = (
        min(widest, TARGET_WIDTH),
        min(max((cell_len(each.type) for each in found.values()), default=0), TYPE_WIDTH),
    )
    sections = tuple(_column(draft, before, source, found.get(source), widths) for source in sources)
    mapped = sum(1 for source in sources if any(each.source == source for each in draft.mappings))
    summary = plural("{n} column", "{n} columns", len(sources)) + " · " + _("{} mapped").format(whole(mapped))
    return Section(
        "fields",
        _("fields"),
        summary,
        sections=sections,
        is_changed=before is not None
        and (draft.mappings != before.mappings or draft.column_types != before.column_types),
    )


def _column(
    draft: Entity, before: Entity | None, source: str, preview: "FieldPreview | None", widths: tuple[int, int]
) -> Section:
    mapping = mapping_of(draft, source)
    wrong = preview is not None and (preview.wrong is not None or preview.failing > 0)
    is_changed = before is not None and (
        mapping != mapping_of(before, source) or draft.column_types.get(source) != before.column_types.get(source)
    )

    def add(entity: Entity) -> tuple[Entity, str]:
        now = mapping_of(entity, source)
        added = replace(now, replacements=(*now.replacements, Replacement(match="")))
        return with_mapping(entity, added), f"{source}.replace.{len(now.replacements)}.text"

    folded = Section(
        f"field.{source}",
        source,
        _summary(mapping, preview, widths),
        Tone.BAD if wrong else Tone.PLAIN,
        add=add,
        is_changed=is_changed,
    )

    def unfolded() -> Section:
        return replace(folded, fields=(*_settings(mapping, preview), *_replacements(mapping)), tail=_tail(preview))

    return replace(folded, unfolded=unfolded)


def _summary(mapping: FieldMapping, preview: "FieldPreview | None", widths: tuple[int, int]) -> str:
    """`→ qty  NUMBER(15,3)  trim, required  ✖ 2 fail  '1.50 ' → 1.5`; `widths` are those of the first two."""
    parts = [f"→ {_padded(mapping.target, widths[0])}"]
    if preview is not None:
        parts.append(_padded(preview.type, widths[1]))
    rules = _rules(mapping)
    if rules:
        parts.append(rules)
    if preview is not None and preview.wrong is not None:
        parts.append(_("✖ cannot be saved"))
    elif preview is not None and preview.failing:
        parts.append(plural("✖ {n} row fails", "✖ {n} rows fail", preview.failing))
    if preview is not None and preview.values:
        parts.append(_example(preview.values))
    return "  ".join(parts)


def _padded(text: str, width: int) -> str:
    return text + " " * max(width - cell_len(text), 0)


def _rules(mapping: FieldMapping) -> str:
    words = [] if mapping.transformation is Transformation.NONE else [str(mapping.transformation)]
    if mapping.default is not None:
        words.append(_("default {}").format(mapping.default))
    flags = (
        (mapping.required, _("required")),
        (mapping.mask, _("masked")),
        (mapping.fold, _("folded")),
        (mapping.jalali, _("Jalali")),
        (mapping.keep_nanoseconds, _("nanoseconds")),
    )
    words += [word for holds, word in flags if holds]
    if mapping.validation_rule is not None:
        words.append(mapping.validation_rule)
    if mapping.replacements:
        words.append(plural("{n} replacement", "{n} replacements", len(mapping.replacements)))
    return ", ".join(words)


def _example(values: "Sequence[ValuePreview]") -> str:
    """The first value that a rule changes, else the first that there is."""
    changed = (each for each in values if each.reason is None and each.raw is not None and each.raw != each.value)
    plain = (each for each in values if each.raw is not None)
    shown = next(changed, next(plain, values[0]))
    return f"{_value(shown.raw)} → {_value(shown.value)}" if shown.reason is None else f"{_value(shown.raw)} → ✖"


def _value(value: str | None) -> str:
    return _("NULL") if value is None else f"'{value}'"


def _settings(mapping: FieldMapping, preview: "FieldPreview | None") -> tuple[Line, ...]:
    """The lines that make sense for the column's type, and those that say something nevertheless."""
    unmapped = FieldMapping(mapping.source, mapping.target)
    left_out = {
        f"{mapping.source}.{name}"
        for name, kind in _ONLY_FOR.items()
        if preview is not None and preview.kind != kind and getattr(mapping, name) == getattr(unmapped, name)
    }
    return tuple(line for line in _lines(mapping.source, preview) if line.key not in left_out)


def _lines(source: str, preview: "FieldPreview | None") -> tuple[Line, ...]:
    declared = "" if preview is None else preview.type
    return (
        _mapped(source, "target", N_("target"), N_("Its name in ScheduleHub."), lambda each: each.target, _target),
        FormField(
            f"{source}.type",
            N_("type"),
            lambda entity: entity.column_types.get(source, ""),
            lambda entity, text: with_type(entity, source, text),
            N_("What the column is, in Oracle's words; empty: as the API declares it."),
            empty=declared,
        ),
        _mapped(
            source,
            "transformation",
            N_("transformation"),
            N_("What is done to its text."),
            lambda each: str(each.transformation),
            lambda each, text: replace(each, transformation=Transformation(text)),
            _TRANSFORMATIONS,
        ),
        _mapped(
            source,
            "default",
            N_("default"),
            N_("What stands for NULL."),
            lambda each: each.default or "",
            lambda each, text: replace(each, default=text or None),
            empty=N_("NULL stays NULL"),
        ),
        _flag(source, "required", N_("required"), N_("Whether a row without it is rejected.")),
        _mapped(
            source,
            "validation_rule",
            N_("rule"),
            N_("What a value must be: regex:[A-Z]+ or range:1..9 or in:a,b"),
            lambda each: each.validation_rule or "",
            lambda each, text: replace(each, validation_rule=text or None),
            empty=N_("any value"),
        ),
        _flag(source, "mask", N_("masked"), N_("Personal data: unreadable wherever it is shown or exported.")),
        _flag(source, "fold", N_("folded"), N_("Persian and Arabic letters and digits are made one.")),
        _flag(source, "jalali", N_("Jalali"), N_("Its dates are of the Jalali calendar.")),
        _flag(source, "keep_nanoseconds", N_("nanoseconds"), N_("Loaded as text with all nine digits.")),
    )


def _mapped(
    source: str,
    name: str,
    label: str,
    about: str,
    read: Callable[[FieldMapping], str],
    write: Callable[[FieldMapping, str], FieldMapping],
    options: tuple[Option, ...] = (),
    empty: str = "",
) -> Line:
    return FormField(
        f"{source}.{name}",
        label,
        lambda entity: read(mapping_of(entity, source)),
        lambda entity, text: with_mapping(entity, write(mapping_of(entity, source), text)),
        about,
        options=options,
        empty=empty,
    )


def _target(mapping: FieldMapping, text: str) -> FieldMapping:
    if len(text.split()) != 1:
        raise UsageError(_("Here must stand one word."))
    return replace(mapping, target=text)


def _flag(source: str, name: str, label: str, about: str) -> Line:
    return flag(
        f"{source}.{name}",
        label,
        about,
        lambda entity: bool(getattr(mapping_of(entity, source), name)),
        lambda entity, yes: with_mapping(entity, _with_flag(mapping_of(entity, source), name, yes=yes)),
    )


def _with_flag(mapping: FieldMapping, name: str, *, yes: bool) -> FieldMapping:
    changed: Mapping[str, bool] = {name: yes}
    return replace(mapping, **changed)  # type: ignore[arg-type]


def _replacements(mapping: FieldMapping) -> tuple[Line, ...]:
    return tuple(
        line for place in range(len(mapping.replacements)) for line in _replacement_lines(mapping.source, place)
    )


def _replacement_lines(source: str, place: int) -> tuple[Line, ...]:
    def line(name: str, label: str, about: str, read: Callable[[Replacement], str],
             write: Callable[[Replacement, str], Replacement], options: tuple[Option, ...] = (),
             empty: str = "") -> Line:  # fmt: skip
        return FormField(
            f"{source}.replace.{place}.{name}",
            label,
            lambda entity: read(_replacement(entity, source, place)),
            lambda entity, text: _put(entity, source, place, write(_replacement(entity, source, place), text)),
            about,
            options=options,
            empty=empty,
            remove=lambda entity: _put(entity, source, place, None),
        )

    return (
        line("kind", N_("replaced when it"), N_("Replacements are made first; - takes this one away."), _kind, _of_kind,
             (Option(_MATCH, N_("the whole value, without the blanks around it."), N_("is")),
              Option(_PATTERN, N_("what a regular expression finds in it."), N_("contains")))),
        line("text", N_("  this"), N_("The value, or the regular expression."),
             lambda each: (each.match if each.match is not None else each.pattern) or "", _of_text),
        line("to", N_("  by"), N_("What it becomes; $1 is what the expression's first group found."),
             lambda each: each.to or "", lambda each, text: replace(each, to=text or None), empty=N_("NULL")),
    )  # fmt: skip


def _replacement(entity: Entity, source: str, place: int) -> Replacement:
    found = mapping_of(entity, source).replacements
    return found[place] if place < len(found) else Replacement()


def _put(entity: Entity, source: str, place: int, replacement: Replacement | None) -> Entity:
    return with_mapping(entity, with_replacement(mapping_of(entity, source), place, replacement))


def _kind(each: Replacement) -> str:
    return "" if each == Replacement() else _MATCH if each.match is not None else _PATTERN


def _of_kind(each: Replacement, kind: str) -> Replacement:
    text = (each.match if each.match is not None else each.pattern) or ""
    return replace(each, match=text if kind == _MATCH else None, pattern=text if kind == _PATTERN else None)


def _of_text(each: Replacement, text: str) -> Replacement:
    if not text:
        raise UsageError(_("Say what is replaced; Esc leaves it, - takes the replacement away."))
    return replace(each, match=text) if each.match is not None else replace(each, pattern=text)


def _tail(preview: "FieldPreview | None") -> Content | None:
    """Real values, and what becomes of each or why it fails."""
    if preview is None:
        return None
    if preview.wrong is not None:
        return toned(f"✖ {preview.wrong}", Tone.BAD)
    lines = [_value_line(each) for each in preview.values[:SHOWN_VALUES]]
    rest = len(preview.values) - SHOWN_VALUES
    if rest > 0:
        lines.append(toned(plural("and {n} other value", "and {n} other values", rest), Tone.QUIET))
    return Content("\n").join(lines)


def _value_line(each: "ValuePreview") -> Content:
    times = toned(f"  ×{whole(each.rows)}" if each.rows > 1 else "", Tone.QUIET)
    if each.reason is not None:
        return toned(f"✖ {_value(each.raw)}", Tone.BAD) + times + toned(f"  {retold(each.reason)}", Tone.BAD)
    sign, tone = ("·", Tone.QUIET) if each.raw == each.value else ("✔", Tone.GOOD)
    return (
        toned(f"{sign} ", tone) + toned(_value(each.raw)) + toned(" → ", Tone.QUIET) + toned(_value(each.value)) + times
    )
