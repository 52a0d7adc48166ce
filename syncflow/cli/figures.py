"""Numbers, times and tables as a terminal shows them."""

from collections.abc import Collection, Sequence
from datetime import datetime

GAP = "  "


def count(number: int) -> str:
    """`1,234,567`."""
    return f"{number:,}"


def duration(seconds: float) -> str:
    """`0.42 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def per_second(rows: int, seconds: float) -> int:
    return round(rows / seconds) if seconds > 0 else 0


def local_time(moment: datetime | None) -> str:
    """In the time zone of this machine, to the second; empty for None."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def plural(number: int, singular: str, plural_: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {singular if number == 1 else plural_ or singular + 's'}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[str] = ()) -> list[str]:
    """Lines of a table: the columns named in `left` are aligned to the left, all others to the right. Lines are never
    broken: a terminal that is too narrow wraps them itself, and what is copied or searched stays whole."""
    widths = [max(len(line[place]) for line in (header, *rows)) for place in range(len(header))]
    return [
        GAP.join(
            cell.ljust(width) if name in left else cell.rjust(width)
            for name, cell, width in zip(header, line, widths, strict=True)
        ).rstrip()
        for line in (header, *rows)
    ]
