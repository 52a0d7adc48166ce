"""Numbers of rows as people give them: the beginning is enough."""

from uuid import UUID

import sqlalchemy as sa


def begins_with(uid: "sa.ColumnElement[UUID]", beginning: str) -> sa.ColumnElement[bool]:
    """True of uids that begin with these hex digits (hyphens and case do not matter); of none for anything else."""
    digits = beginning.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        return sa.false()
    return uid.between(UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f")))
