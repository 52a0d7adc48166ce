"""Validation rules of a mapping: `regex:..`, `range:a..b`, `in:a,b` (pipeline, stage 6). NULL breaks no rule.

- `regex:` must match the whole value. The engine is polars' (linear time, no look-around).
- `range:` for numbers and date-times; both bounds are included and one may be missing. A date as upper bound means the
  whole day.
- `in:` lists values, blanks around them apart; a comma within one is written `\\,`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import polars as pl

from syncflow.errors import ConfigurationError
from syncflow.i18n.catalog import N_
from syncflow.i18n.texts import Text
from syncflow.oracle_types import DATETIME_KINDS, NUMERIC_KINDS, OracleType
from syncflow.rules.normalise import canonical_value
from syncflow.rules.outcome import patch

_DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BACKWARDS = N_("{where}: the range is empty: its first bound is the larger one. Write the smaller one first.")
_COMMA = re.compile(r"(?<!\\),")


class Rule(Protocol):
    """A compiled rule; `text` is what the mapping says."""

    @property
    def text(self) -> str: ...

    def broken(self, values: pl.Series) -> pl.Series:
        """Boolean column: true where a value (canonical text) breaks the rule; false or NULL for NULL."""
        ...


@dataclass(frozen=True)
class RegexRule:
    text: str
    pattern: str

    def broken(self, values: pl.Series) -> pl.Series:
        return ~values.str.contains(self.pattern)


@dataclass(frozen=True)
class InRule:
    text: str
    allowed: tuple[str, ...]

    def broken(self, values: pl.Series) -> pl.Series:
        return ~values.is_in(self.allowed)


@dataclass(frozen=True)
class NumberRange:
    text: str
    low: Decimal | None
    high: Decimal | None

    def broken(self, values: pl.Series) -> pl.Series:
        """float64 decides where it can: rounding keeps the order, so only a value that rounds to a bound is doubtful
        and is compared exactly."""
        floats = values.cast(pl.Float64, strict=False)
        result = floats.is_nan()
        doubtful = floats.is_infinite() & False
        for bound, beyond in ((self.low, floats.__lt__), (self.high, floats.__gt__)):
            if bound is not None:
                result = result | beyond(float(bound))
                doubtful = doubtful | (floats == float(bound))
        at = doubtful.arg_true()
        exact = [self._is_out(Decimal(value)) for value in values.gather(at)]
        return patch(result, at, pl.Series(exact, dtype=pl.Boolean))

    def _is_out(self, value: Decimal) -> bool:
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)


@dataclass(frozen=True)
class TimeRange:
    """Bounds are canonical text without `Z`: wall-clock time for naive values, UTC for the others."""

    text: str
    low: str | None
    high: str | None

    def broken(self, values: pl.Series) -> pl.Series:
        # Without Z, canonical text sorts as time does: a fraction begins with a point and makes the text longer.
        times = values.str.strip_suffix("Z")
        result = times.is_null() & False
        if self.low is not None:
            result = result | (times < self.low)
        return result if self.high is None else result | (times > self.high)


def parse_rule(text: str, type_: OracleType, field: str) -> Rule:
    """Raises ConfigurationError, naming the field, for a rule that does not compile or does not suit the type."""
    where = Text("validation_rule of {field}", field=field)
    name, colon, argument = text.partition(":")
    maker = _MAKERS.get(name.strip()) if colon else None
    if maker is None:
        raise ConfigurationError(
            "{where}: {text} is no rule. Rules are regex:PATTERN, range:LOW..HIGH and in:VALUE,VALUE.",
            where=where,
            text=repr(text),
        )
    return maker(text, argument, type_, where)


def _regex(text: str, argument: str, _type: OracleType, where: Text) -> Rule:
    for pattern in (argument, rf"\A(?:{argument})\z"):
        try:
            pl.Series([""]).str.contains(pattern)
        except pl.exceptions.ComputeError as error:
            reason = str(error).split("\n\nThis error", maxsplit=1)[0].strip().splitlines()[-1]
            raise ConfigurationError(
                "{where}: the regular expression {argument} does not compile: {reason}. Correct it; look-around and "
                "back-references do not exist here.",
                where=where,
                argument=repr(argument),
                reason=reason,
            ) from error
    return RegexRule(text, rf"\A(?:{argument})\z")


def _range(text: str, argument: str, type_: OracleType, where: Text) -> Rule:
    low, dots, high = (part.strip() for part in argument.partition(".."))
    if not dots or not (low or high):
        raise ConfigurationError(
            "{where}: {text} has no bounds. Write range:LOW..HIGH; one of them may be missing.",
            where=where,
            text=repr(text),
        )
    if type_.kind in NUMERIC_KINDS:
        return _number_range(text, low, high, type_, where)
    if type_.kind in DATETIME_KINDS:
        return _time_range(text, low, high, type_, where)
    raise ConfigurationError(
        "{where}: a range is for numbers and dates, but the column is {type}. Use regex: or in: instead.",
        where=where,
        type=type_.declared,
    )


def _number_range(text: str, low: str, high: str, type_: OracleType, where: Text) -> Rule:
    bounds = [Decimal(canonical_value(bound, type_, where)) if bound else None for bound in (low, high)]
    if any(bound is not None and bound.is_nan() for bound in bounds):
        raise ConfigurationError("{where}: NaN is no bound. Write range:LOW..HIGH with numbers.", where=where)
    if bounds[0] is not None and bounds[1] is not None and bounds[0] > bounds[1]:
        raise ConfigurationError(_BACKWARDS, where=where)
    return NumberRange(text, bounds[0], bounds[1])


def _time_range(text: str, low: str, high: str, type_: OracleType, where: Text) -> Rule:
    bounds = [canonical_value(bound, type_, where).removesuffix("Z") if bound else None for bound in (low, high)]
    upper = f"{high}T23:59:59.999999999" if _DATE_ONLY.fullmatch(high) else bounds[1]
    if bounds[0] is not None and upper is not None and bounds[0] > upper:
        raise ConfigurationError(_BACKWARDS, where=where)
    return TimeRange(text, bounds[0], upper)


def _in(text: str, argument: str, type_: OracleType, where: Text) -> Rule:
    listed = [part.replace("\\,", ",").strip() for part in _COMMA.split(argument)]
    if not all(listed):
        raise ConfigurationError(
            "{where}: {text} lists an empty value. NULL breaks no rule; leave it out.", where=where, text=repr(text)
        )
    return InRule(text, tuple(canonical_value(part, type_, where) for part in listed))


_MAKERS: dict[str, Callable[[str, str, OracleType, Text], Rule]] = {"regex": _regex, "range": _range, "in": _in}
