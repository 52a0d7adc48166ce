"""What a rule makes of a column: the values that fit, and the reasons for those that do not."""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from syncflow.i18n.texts import Text
from syncflow.model import Conventions, DateOrder, NumberFormat

FAULTS_SCHEMA = pl.Schema({"at": pl.UInt32, "error_type": pl.String, "message": pl.String})
"""`at` is a position in the column (not a row number of a chunk)."""

CANONICAL = Conventions(NumberFormat.POINT, DateOrder.YMD)
"""How canonical text is read again: numbers with a point, dates of ISO shape."""

_SHOWN = 60
VALUE = "\0"
"""Stands in a reason where the value is to be shown."""


@dataclass(frozen=True)
class Outcome:
    """`values`: a String column, canonical as far as the rule goes, NULL where it was NULL or at fault."""

    values: pl.Series
    faults: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FAULTS_SCHEMA))

    def then(self, rule: Callable[[pl.Series], "Outcome"]) -> "Outcome":
        """Run another rule on what is left, and keep the faults of both."""
        following = rule(self.values)
        found = [each for each in (self.faults, following.faults) if each.height]
        return Outcome(following.values, pl.concat(found) if found else self.faults)


def faults(at: pl.Series, values: pl.Series, error_type: str, reason: Text) -> pl.DataFrame:
    """One reason for several values, each shown, shortened, where the reason has `VALUE`."""
    return pl.DataFrame({"at": at, "value": values}, schema={"at": pl.UInt32, "value": pl.String}).select(
        "at",
        pl.lit(error_type).alias("error_type"),
        with_value(reason, shown(pl.col("value"))).alias("message"),
    )


def with_value(reason: Text, value: pl.Expr) -> pl.Expr:
    """The reason in English, with these values where it has `VALUE`."""
    before, has_one, behind = str(reason).partition(VALUE)
    return pl.concat_str(pl.lit(before), value, pl.lit(behind)) if has_one else pl.lit(before)


def shown(value: pl.Expr) -> pl.Expr:
    """A value as a message shows it: in quotes, on one line, cut after 60 characters."""
    line = value.str.head(_SHOWN).str.replace_all(r"\s", " ")
    cut = pl.when(value.str.len_chars() > _SHOWN).then(pl.lit("…'")).otherwise(pl.lit("'"))
    return pl.concat_str(pl.lit("'"), line, cut)


def patch(values: pl.Series, at: pl.Series, replacement: pl.Series) -> pl.Series:
    """A copy of a column with the values at some positions replaced; the rest is not touched."""
    if at.is_empty():
        return values
    if at.len() == values.len():
        return replacement.alias(values.name)
    # `scatter` writes in place.
    return values.clone().scatter(at, replacement)


def null_where(values: pl.Series, mask: pl.Series) -> pl.Series:
    """NULL where the mask is true; the column itself when nothing is to be done."""
    if not mask.any():
        return values
    return pl.select(pl.when(mask).then(None).otherwise(values).alias(values.name)).to_series()
