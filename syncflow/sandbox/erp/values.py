"""Clean values as canonical text, vectorised: numbers without trailing zeros, date-times in ISO form."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]

FIRST_DAY = datetime(2026, 3, 2)
"""The business day 0 of the sandbox's company."""
_DAY_MICROSECONDS = 86_400_000_000


def integers(values: Ints) -> pl.Series:
    return pl.Series(values).cast(pl.String)


def decimals(values: Ints, scale: int) -> pl.Series:
    """`values` / 10^scale, exact, without trailing zeros and without an exponent."""
    whole, rest = np.divmod(np.abs(values), 10**scale)
    fraction = pl.Series(rest).cast(pl.String).str.zfill(scale).str.strip_chars_end("0")
    sign = pl.Series(np.where(values < 0, "-", ""))
    point = pl.Series(np.where(rest == 0, "", "."))
    return sign + pl.Series(whole).cast(pl.String) + point + fraction


def long_decimals(rng: np.random.Generator, count: int) -> pl.Series:
    """Numbers of up to 38 significant digits, 20 before and 18 behind the point."""
    high = pl.Series(rng.integers(10**17, 10**18, count)).cast(pl.String)
    low = pl.Series(rng.integers(10, 100, count)).cast(pl.String)
    fraction = pl.Series(rng.integers(1, 10**18, count)).cast(pl.String).str.zfill(18).str.strip_chars_end("0")
    return high + low + "." + fraction


def codes(values: Ints, width: int, prefix: str = "") -> pl.Series:
    """Codes with leading zeros, such as `SO-000123`."""
    return prefix + pl.Series(values).cast(pl.String).str.zfill(width)


def days(offsets: Ints) -> pl.Series:
    """Midnights, counted from FIRST_DAY, as `2026-03-02T00:00:00`."""
    return moments(offsets * _DAY_MICROSECONDS)


def moments(offsets: Ints) -> pl.Series:
    """Date-times, counted in microseconds from FIRST_DAY; the fraction has no trailing zeros."""
    start = (FIRST_DAY - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    times = pl.Series(offsets + start).cast(pl.Datetime("us"))
    return times.dt.strftime("%Y-%m-%dT%H:%M:%S%.6f").str.replace(r"\.?0*$", "")


def within_day(rng: np.random.Generator, offsets: Ints, *, fraction: bool) -> Ints:
    """Microseconds from FIRST_DAY of a moment in the working hours of each day."""
    moment = rng.integers(8 * 3600, 18 * 3600, len(offsets)) * 1_000_000
    parts = rng.integers(0, 1_000_000, len(offsets)) if fraction else np.zeros(len(offsets), dtype=np.int64)
    return offsets * _DAY_MICROSECONDS + moment + parts


def choices(rng: np.random.Generator, values: Sequence[str] | pl.Series, count: int) -> pl.Series:
    """`count` of the values, any of them any number of times."""
    pool = values if isinstance(values, pl.Series) else pl.Series(values, dtype=pl.String)
    return pool.gather(rng.integers(0, len(pool), count)) if count else pool.clear()


def with_nulls(rng: np.random.Generator, values: pl.Series, share: float) -> pl.Series:
    """The values with this share of them NULL."""
    return pl.select(pl.when(pl.lit(pl.Series(rng.random(len(values)) >= share))).then(pl.lit(values))).to_series()
