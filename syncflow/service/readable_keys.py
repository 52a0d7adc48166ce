"""Readable keys (`order_no=4711|line_no=1`) as people find them in lists, taken apart again."""

from syncflow.canonical import parse_ref
from syncflow.errors import UsageError
from syncflow.field_masks import MASK


def parts_of(ref: str) -> list[str]:
    """A readable key (`order_no=4711|line_no=1`) as the parts that `explain` takes. Raises UsageError for one that is
    masked, since it names no record, and for one that cannot be read."""
    try:
        values = parse_ref(ref)
    except ValueError as error:
        raise UsageError("The key {ref} cannot be read: {error}", ref=repr(ref), error=error) from error
    if any(value.endswith(MASK) for value in values.values()):
        raise UsageError("The key {ref} holds personal data and is masked, so that it names no record.", ref=ref)
    return [f"{name}={value}" for name, value in values.items()]
