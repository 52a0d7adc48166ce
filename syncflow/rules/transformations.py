"""Stage 6 for one column: transformations, defaults, and the check of a mapping when it is saved."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

import polars as pl

from syncflow.errors import ConfigurationError
from syncflow.i18n.texts import Text
from syncflow.model import FieldMapping, Transformation
from syncflow.oracle_types import CHARACTER_KINDS, DATETIME_KINDS, OracleType
from syncflow.rules.normalise import canonical_value, clean_text
from syncflow.rules.outcome import null_where, patch
from syncflow.rules.replacements import check_replacements
from syncflow.rules.text import compose, fold_persian
from syncflow.rules.validation import parse_rule

_APOSTROPHE = "['’]"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def transform(values: pl.Series, transformation: Transformation) -> pl.Series:
    """A text column, transformed; the result is NFC, and NULL where nothing is left."""
    if transformation is Transformation.NONE:
        return values
    changed = compose(_FUNCTIONS[transformation](values))
    return null_where(changed, changed.str.strip_chars() == "")


def _capitalized(values: pl.Series) -> pl.Series:
    first, rest = pl.col("text").str.head(1).str.to_uppercase(), pl.col("text").str.slice(1).str.to_lowercase()
    return values.alias("text").to_frame().select(pl.concat_str(first, rest)).to_series()


def _title_cased(values: pl.Series) -> pl.Series:
    """Every word with a capital. For polars an apostrophe ends a word (`Don'T`); here it belongs to it."""
    titled = values.str.to_titlecase()
    at = values.str.contains(_APOSTROPHE).arg_true()
    words = [_WORD.sub(lambda word: word[0].capitalize(), value) for value in values.gather(at)]
    return patch(titled, at, pl.Series(words, dtype=pl.String))


_FUNCTIONS: Mapping[Transformation, Callable[[pl.Series], pl.Series]] = MappingProxyType(
    {
        Transformation.UPPERCASE: lambda values: values.str.to_uppercase(),
        Transformation.LOWERCASE: lambda values: values.str.to_lowercase(),
        Transformation.TRIM: lambda values: values.str.strip_chars(),
        Transformation.TITLE_CASE: _title_cased,
        Transformation.CAPITALIZE: _capitalized,
        Transformation.STRIP_WHITESPACE: lambda values: values.str.replace_all(r"\s+", ""),
        Transformation.REMOVE_SPECIAL_CHARS: lambda values: values.str.replace_all(r"[^\p{L}\p{M}\p{Nd}\s]+", ""),
        Transformation.FOLD_PERSIAN: fold_persian,
    }
)


def default_text(mapping: FieldMapping, type_: OracleType) -> str | None:
    """What stands for NULL in a column: the mapping's default, canonical under the column's type; None without one.

    Raises ConfigurationError when it does not fit the type.
    """
    if mapping.default is None:
        return None
    value = canonical_value(mapping.default, type_, Text("default of {field}", field=mapping.target))
    return str(clean_text(pl.Series([value]), type_, mapping)[0]) if type_.kind in CHARACTER_KINDS else value


def check_mapping(mapping: FieldMapping, type_: OracleType) -> None:
    """Raises ConfigurationError, naming the field, for what would fail when it runs: a transformation of something that
    is not text, a calendar or digits of something that is not a date, a replacement, a default or a rule that does not
    fit."""
    _check_kind(mapping, type_)
    check_replacements(mapping)
    default = default_text(mapping, type_)
    if mapping.validation_rule is None:
        return
    rule = parse_rule(mapping.validation_rule, type_, mapping.target)
    if default is not None and rule.broken(pl.Series([default])).any():
        raise ConfigurationError(
            "{target}: the default {default} breaks the field's own rule {rule}. Change one of them.",
            target=mapping.target,
            default=repr(default),
            rule=rule.text,
        )


def _check_kind(mapping: FieldMapping, type_: OracleType) -> None:
    if mapping.transformation is not Transformation.NONE and type_.kind not in CHARACTER_KINDS:
        raise ConfigurationError(
            "{target}: the transformation {transformation} is for text, but {source} is "
            "{type}. Remove it, or declare the column as text.",
            target=mapping.target,
            transformation=mapping.transformation,
            source=mapping.source,
            type=type_.declared,
        )
    if mapping.jalali and type_.kind not in DATETIME_KINDS:
        raise ConfigurationError(
            "{target}: jalali is for dates, but {source} is {type}. Declare the column as DATE, or remove it.",
            target=mapping.target,
            source=mapping.source,
            type=type_.declared,
        )
    if mapping.keep_nanoseconds and type_.kind not in DATETIME_KINDS:
        raise ConfigurationError(
            "{target}: keep_nanoseconds is for timestamps, but {source} is {type}. Remove it.",
            target=mapping.target,
            source=mapping.source,
            type=type_.declared,
        )
