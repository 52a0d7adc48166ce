"""Stages 2 to 5 for one column at once, for values that belong to another column: a child's value read as its parent
would read it, a default, a bound of a rule."""

import polars as pl

from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Text
from syncflow.model import Conventions, FieldMapping
from syncflow.oracle_types import CHARACTER_KINDS, DATETIME_KINDS, NUMERIC_KINDS, Kind, OracleType
from syncflow.rules.coercion import coerce_values
from syncflow.rules.datetimes import read_datetimes
from syncflow.rules.numbers import read_numbers
from syncflow.rules.outcome import CANONICAL, Outcome
from syncflow.rules.replacements import replaced
from syncflow.rules.text import clean


def normalise(values: pl.Series, type_: OracleType, mapping: FieldMapping, conventions: Conventions) -> Outcome:
    """Canonical text of a String column under a type, a mapping's replacements, `fold` and `jalali`, and
    conventions."""
    coerced = coerce_values(replaced(values, mapping.replacements), type_)
    if type_.kind in CHARACTER_KINDS:
        return coerced.then(lambda read: Outcome(clean_text(read, type_, mapping)))
    if type_.kind in NUMERIC_KINDS:
        return coerced.then(lambda read: read_numbers(read, type_, conventions.numbers))
    if type_.kind in DATETIME_KINDS:
        return coerced.then(lambda read: read_datetimes(read, type_, conventions, is_jalali=mapping.jalali))
    return coerced


def clean_text(values: pl.Series, type_: OracleType, mapping: FieldMapping) -> pl.Series:
    """Stage 3 for a column of a character kind."""
    return clean(values, keep_runs=type_.kind is Kind.CLOB, fold=mapping.fold)


def canonical_value(text: str, type_: OracleType, where: Text) -> str:
    """A value from the configuration, which is written canonically (`1234.5`, `2026-01-02`), under a column's type.

    Raises ConfigurationError, which begins with `where`, when it does not fit.
    """
    outcome = normalise(pl.Series([text], dtype=pl.String), type_, FieldMapping("", ""), CANONICAL)
    if outcome.faults.height:
        raise ConfigurationError("{where}: {reason}", where=where, reason=outcome.faults["message"][0])
    value = outcome.values[0]
    if value is None:
        raise ConfigurationError(
            "{where}: {text} is empty. Give it a value, or leave it out.", where=where, text=repr(text)
        )
    return str(value)
