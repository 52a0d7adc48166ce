"""What is shown of a value that is personal data."""

MASK = "…"


def masked_text(value: str | None) -> str | None:
    """The first character of a value of more than one; NULL stays NULL, so that a gap is still seen."""
    if value is None:
        return None
    return f"{value[0]}{MASK}" if len(value) > 1 else MASK
