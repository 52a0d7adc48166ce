"""An entity that is being edited: how texts that somebody types become parts of it, and how two people's edits meet."""

from collections.abc import Sequence
from dataclasses import fields, replace
from difflib import get_close_matches

from syncflow.errors import UsageError
from syncflow.i18n.catalog import _
from syncflow.model import Entity, FieldMapping, ParentRef, Replacement


def mapping_of(entity: Entity, source: str) -> FieldMapping:
    """The mapping of an API's column; an unmapped one keeps its name in lower case."""
    found = next((mapping for mapping in entity.mappings if mapping.source == source), None)
    return found or FieldMapping(source, source.lower())


def with_mapping(entity: Entity, mapping: FieldMapping) -> Entity:
    """The entity with this mapping in its place. One that says nothing is left out, and other settings follow a new
    target name."""
    old = mapping_of(entity, mapping.source)
    says_nothing = mapping == FieldMapping(mapping.source, mapping.source.lower())
    mappings = [mapping if each.source == mapping.source else each for each in entity.mappings]
    if not any(each.source == mapping.source for each in mappings):
        mappings.append(mapping)
    if says_nothing:
        mappings = [each for each in mappings if each.source != mapping.source]
    return _renamed(replace(entity, mappings=tuple(mappings)), old.target, mapping.target)


def _renamed(entity: Entity, old: str, new: str) -> Entity:
    if old == new:
        return entity

    def name(field: str) -> str:
        return new if field == old else field

    refs = tuple(
        replace(ref, fields=tuple((name(child), parent) for child, parent in ref.fields)) for ref in entity.parent_refs
    )
    return replace(
        entity,
        business_key=tuple(map(name, entity.business_key)),
        hash_exclude=tuple(map(name, entity.hash_exclude)),
        rowversion_field=None if entity.rowversion_field is None else name(entity.rowversion_field),
        parent_refs=refs,
    )


def with_type(entity: Entity, source: str, text: str) -> Entity:
    """The column declared as this; an empty text leaves it to the API."""
    types = {name: declared for name, declared in entity.column_types.items() if name != source}
    return replace(entity, column_types={**types, source: text} if text else types)


def with_replacement(mapping: FieldMapping, place: int, replacement: Replacement | None) -> FieldMapping:
    """The mapping with one of its replacements changed; None takes it away."""
    new = () if replacement is None else (replacement,)
    return replace(mapping, replacements=(*mapping.replacements[:place], *new, *mapping.replacements[place + 1 :]))


def with_ref(entity: Entity, place: int, ref: ParentRef | None) -> Entity:
    """The entity with one of its references changed; None takes it away."""
    new = () if ref is None else (ref,)
    return replace(entity, parent_refs=(*entity.parent_refs[:place], *new, *entity.parent_refs[place + 1 :]))


def referring_to(ref: ParentRef, parent: Entity, targets: Sequence[str]) -> ParentRef:
    """The reference to another entity: a field of the same name stands for each of its key fields until somebody says
    another one."""
    pairs = tuple((key if key in targets else "", key) for key in parent.business_key)
    return ParentRef(ref.name or parent.name, parent.name, pairs)


def names(text: str) -> tuple[str, ...]:
    """A list with commas between. Raises UsageError for a name that stands twice."""
    found = tuple(name for name in (part.strip() for part in text.split(",")) if name)
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise UsageError(_("{} stands twice.").format(twice))
    return found


def known_name(text: str, known: Sequence[str], what: str) -> str:
    """Raises UsageError, with the nearest right one, for a name that there is none of; `what` (translated) names the
    kind of thing."""
    if text in known:
        return text
    near = get_close_matches(text, known, 1)
    hint = _(" Did you mean {}?").format(near[0]) if near else _(" There are: {}.").format(", ".join(known))
    raise UsageError(_("There is no {what} {name!r}.").format(what=what, name=text) + hint)


def known_names(text: str, known: Sequence[str], what: str) -> tuple[str, ...]:
    return tuple(known_name(name, known, what) for name in names(text))


MOST_DIGITS = 18
"""What PostgreSQL's largest integers hold of each."""
SHOWN = 40


def whole_number(text: str) -> int:
    if not text.isdecimal():
        raise UsageError(_("{!r} is not a whole number of 0 or more.").format(text[:SHOWN]))
    if len(text.lstrip("0")) > MOST_DIGITS:
        raise UsageError(_("{!r} is too large: a number of up to {} digits.").format(text[:SHOWN], MOST_DIGITS))
    return int(text)


def merged(before: Entity, mine: Entity, theirs: Entity) -> Entity:
    """What somebody else made of `before`, with what is different in `mine` put over it."""
    changed = {
        each.name: getattr(mine, each.name)
        for each in fields(Entity)
        if each.name not in ("version", "mappings", "column_types")
        and getattr(mine, each.name) != getattr(before, each.name)
    }
    return replace(
        theirs,
        **changed,
        mappings=_merged_mappings(before, mine, theirs),
        column_types=_merged_types(before, mine, theirs),
    )


def _merged_mappings(before: Entity, mine: Entity, theirs: Entity) -> tuple[FieldMapping, ...]:
    if before.mappings == mine.mappings:
        return theirs.mappings
    result = theirs
    for source in dict.fromkeys(each.source for each in (*before.mappings, *mine.mappings)):
        wanted = mapping_of(mine, source)
        if wanted != mapping_of(before, source):
            result = with_mapping(result, wanted)
    return result.mappings


def _merged_types(before: Entity, mine: Entity, theirs: Entity) -> dict[str, str]:
    types = dict(theirs.column_types)
    for name in before.column_types.keys() | mine.column_types.keys():
        wanted = mine.column_types.get(name)
        if wanted != before.column_types.get(name):
            types = {**types, name: wanted} if wanted is not None else {k: v for k, v in types.items() if k != name}
    return types
