"""What may be shown of rows with fields that hold personal data (`FieldMapping.mask`)."""

from collections.abc import Collection, Mapping

from syncflow.canonical import canonical_text, parse_ref
from syncflow.field_masks import MASK, masked_text
from syncflow.model import FieldMapping, Plan
from syncflow.protocols import RAW_TEXT


def masked_names(mappings: Collection[FieldMapping]) -> frozenset[str]:
    """The source names and the target names of masked fields."""
    return frozenset(name for each in mappings if each.mask for name in (each.source, each.target))


def masked_fields(plan: Plan) -> frozenset[str]:
    return masked_names([column.mapping for column in plan.columns])


def masked_parent_key(ref: str, name: str, plan: Plan) -> str:
    """The readable key of the parent that the reference `name` means; its values come from the child's fields."""
    hidden = masked_fields(plan)
    (parent,) = (parent for parent in plan.parents if parent.name == name)
    names = {
        key.parent_column.target for key in parent.keys if key.child_field in hidden or key.parent_column.mapping.mask
    }
    return masked_ref(ref, names)


def masked_ref(ref: str, names: Collection[str]) -> str:
    """A readable key with the values of these fields made unreadable."""
    if not names:
        return ref
    try:
        return canonical_text(masked_values(parse_ref(ref), names))
    except ValueError:
        return MASK


def masked_values(values: Mapping[str, str | None], names: Collection[str]) -> dict[str, str | None]:
    """NULL shows as NULL. What was sent as a whole is unreadable where any field is."""
    hidden = {*names, RAW_TEXT} if names else set(names)
    return {name: masked_text(value) if name in hidden else value for name, value in values.items()}


def masked_message(message: str, field: str | None, names: Collection[str]) -> str:
    """An error's message, which may quote a value: of the field that it is about, or of any if it is about none."""
    return MASK if names and (field is None or field in names) else message
