"""Numbers, times and tables as a terminal shows them, in the language of whoever reads them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from syncflow.i18n.catalog import ENGLISH, _, language
from syncflow.i18n.formats import fraction, moment, stopwatch, whole

GAP = "  "
count = whole


def duration(seconds: float) -> str:
    """`0.42 s`, `12 s`, `3 min 05 s`, `2 h 07 min`."""
    if language() != ENGLISH:
        return stopwatch(seconds)
    if seconds < 10:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def decimal(number: float) -> str:
    """`0.42`."""
    return f"{number:.2f}" if language() == ENGLISH else fraction(number)


def per_second(rows: int, seconds: float) -> int:
    return round(rows / seconds) if seconds > 0 else 0


def local_time(time: datetime | None) -> str:
    """In the time zone of this machine, to the second; empty for None."""
    if time is None:
        return ""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if language() == ENGLISH else moment(time)


def facts(of: Mapping[str, str], least: int = 0) -> Iterator[str]:
    """A line for each name (marked with N_) that has a value; names take `least` cells or more."""
    told = [(_(name), value) for name, value in of.items() if value]
    width = max((_width(name) for name, _value in told), default=0)
    width = max(width, least)
    yield from (f"{_padded(name, width)}{GAP}{value}" for name, value in told)


def plural(number: int, singular: str, plural_: str | None = None) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {singular if number == 1 else plural_ or singular + 's'}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[str] = ()) -> list[str]:
    """Lines of a table with headings that are marked with N_: the columns named in `left` are aligned to the left, all
    others to the right. Lines are never broken: a terminal that is too narrow wraps them itself, and what is copied or
    searched stays whole."""
    headings = [_(name) for name in header]
    widths = [max(map(_width, column)) for column in zip(headings, *rows, strict=True)]
    return [
        GAP.join(
            _padded(cell, width) if name in left else _padded(cell, width, before=True)
            for name, cell, width in zip(header, line, widths, strict=True)
        ).rstrip()
        for line in (headings, *rows)
    ]


def _padded(text: str, width: int, *, before: bool = False) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if before else text + blanks


def _width(text: str) -> int:
    """The cells that a terminal gives to it."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # deferred: English hardly needs it

    return cell_len(text)
