"""What stands for certain values of a field before they are read as its type: remedies for rows that fail.

They work on the raw text, so that a number or a date that is written oddly is mended as easily as a text.
"""

import polars as pl

from syncflow.errors import ConfigurationError
from syncflow.model import FieldMapping, Replacement


def replaced(values: pl.Series, replacements: tuple[Replacement, ...]) -> pl.Series:
    """A String column with the replacements made; of several that fit a value the first one counts. A text is compared
    without the blanks around it. NULL stays NULL."""
    if not replacements:
        return values
    text = pl.col("text")
    trimmed = text.str.strip_chars()
    result = text
    for each in reversed(replacements):
        result = pl.when(_fits(each, trimmed)).then(_instead(each, trimmed)).otherwise(result)
    return values.alias("text").to_frame().select(result.alias(values.name)).to_series()


def check_replacements(mapping: FieldMapping) -> None:
    """Raises ConfigurationError, naming the field, for a replacement that could not run or would be of two minds."""
    for each in mapping.replacements:
        if (each.match is None) == (each.pattern is None):
            raise ConfigurationError(
                "{target}: a replacement needs either match (the whole value) or pattern (a regular "
                "expression), one of the two.",
                target=mapping.target,
            )
        if each.pattern is not None:
            _check_pattern(mapping, each)


def _fits(each: Replacement, trimmed: pl.Expr) -> pl.Expr:
    return trimmed == each.match.strip() if each.match is not None else trimmed.str.contains(each.pattern or "")


def _instead(each: Replacement, trimmed: pl.Expr) -> pl.Expr:
    if each.to is None:
        return pl.lit(None, dtype=pl.String)
    return pl.lit(each.to) if each.match is not None else trimmed.str.replace_all(each.pattern or "", each.to)


def _check_pattern(mapping: FieldMapping, each: Replacement) -> None:
    try:
        replaced(pl.Series(["x"]), (each,))
    except pl.exceptions.PolarsError as error:
        reason = " ".join(str(error).partition("This error occurred")[0].split())
        raise ConfigurationError(
            "{target}: {pattern} is no regular expression that can be used ({reason}).",
            target=mapping.target,
            pattern=repr(each.pattern),
            reason=reason,
        ) from error
