"""The form of an entity's references to others: which entity, and which field stands for which part of its key."""

from collections.abc import Callable
from dataclasses import replace

from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _
from syncflow.model import Entity, ParentRef
from tui.marks import Tone
from tui.screens.entity_draft import known_name, referring_to, with_ref
from tui.screens.entity_fields import Known, Line, Section
from tui.widgets.form_fields import FormField


def parents_section(draft: Entity, before: Entity | None, known: Known) -> Section:
    refs = tuple(_parent(draft, place, ref, known) for place, ref in enumerate(draft.parent_refs))
    told = ", ".join(dict.fromkeys(ref.entity for ref in draft.parent_refs if ref.entity))

    def add(entity: Entity) -> tuple[Entity, str]:
        place = len(entity.parent_refs)
        return with_ref(entity, place, ParentRef("", "", ())), f"parent.{place}.entity"

    return Section(
        "parents",
        _("parents"),
        told or _("none; + adds one"),
        Tone.PLAIN if told else Tone.QUIET,
        sections=refs,
        add=add,
        is_changed=before is not None and draft.parent_refs != before.parent_refs,
    )


def _parent(draft: Entity, place: int, ref: ParentRef, known: Known) -> Section:
    key = f"parent.{place}"
    remove: Callable[[Entity], Entity] = lambda entity: with_ref(entity, place, None)  # noqa: E731
    lines: list[Line] = [
        FormField(
            f"{key}.entity",
            N_("entity"),
            lambda entity: _ref(entity, place).entity,
            lambda entity, text: _refer(entity, place, text, known),
            N_("The entity that the rows refer to."),
            words=tuple(known.entities),
            remove=remove,
        ),
        FormField(
            f"{key}.name",
            N_("name"),
            lambda entity: _ref(entity, place).name,
            lambda entity, text: _named(entity, place, text),
            N_("What the reference is called."),
            remove=remove,
        ),
    ]
    lines += [replace(_ref_field(draft, place, parent, known), remove=remove) for _own, parent in ref.fields]
    pairs = ", ".join(own if own == parent else f"{own or '?'} → {parent}" for own, parent in ref.fields)
    return Section(key, ref.name or _("new"), f"{ref.entity or '?'}: {pairs}", fields=tuple(lines))


def _ref(entity: Entity, place: int) -> ParentRef:
    return entity.parent_refs[place] if place < len(entity.parent_refs) else ParentRef("", "", ())


def _refer(entity: Entity, place: int, text: str, known: Known) -> Entity:
    name = known_name(text, tuple(known.entities), _("entity"))
    parent = known.entities[name] if name != entity.name else entity
    return with_ref(entity, place, referring_to(_ref(entity, place), parent, known.targets(entity)))


def _named(entity: Entity, place: int, text: str) -> Entity:
    if not text:
        raise UsageError(_("A reference needs a name."))
    if any(ref.name == text for number, ref in enumerate(entity.parent_refs) if number != place):
        raise UsageError(_("There is a reference {} already.").format(text))
    return with_ref(entity, place, replace(_ref(entity, place), name=text))


def _ref_field(draft: Entity, place: int, parent: str, known: Known) -> Line:
    def read(entity: Entity) -> str:
        return next((own for own, key in _ref(entity, place).fields if key == parent), "")

    def write(entity: Entity, text: str) -> Entity:
        own = known_name(text, known.targets(entity), _("field"))
        ref = _ref(entity, place)
        pairs = tuple((own if key == parent else each, key) for each, key in ref.fields)
        return with_ref(entity, place, replace(ref, fields=pairs))

    about = N_("The field of this entity that holds that part of the parent's key.")
    return FormField(f"parent.{place}.{parent}", f"→ {parent}", read, write, about, words=known.targets(draft))
