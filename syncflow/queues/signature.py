"""What failed records have in common: the value at fault as it was sent, and the shape of it."""

import polars as pl

VALUE_CHARACTERS = 200
"""So much of a value is kept beside its record; the whole of it stands in the raw row."""
SHAPE_CHARACTERS = 40
LONGEST_RUN = 3


def shown_value(values: pl.Series) -> pl.Series:
    """The first VALUE_CHARACTERS of each value; NULL for NULL. PostgreSQL's text holds no NUL character: it shows as
    its symbol (U+2400)."""
    return values.cast(pl.String).str.head(VALUE_CHARACTERS).str.replace_all("\0", "\u2400", literal=True)


def shape(values: pl.Series) -> pl.Series:
    """The shape of each value: letters (of any script, with their marks) are `A`, digits `9`, every blank a space, all
    else stays; a run of the same character counts LONGEST_RUN at most; SHAPE_CHARACTERS long at most. `''` for NULL.
    """
    given = values.cast(pl.String).fill_null("").str.head(VALUE_CHARACTERS)
    distinct = given.unique()
    return given.replace_strict(distinct, _shapes(distinct), return_dtype=pl.String).alias(values.name)


def _shapes(texts: pl.Series) -> pl.Series:
    plain = (
        texts.str.replace_all(r"\s|\p{Zs}", " ")
        .str.replace_all(r"[\p{L}\p{M}]", "A")
        .str.replace_all(r"\p{Nd}", "9")
        .str.replace_all(r"\p{Cc}", "\u2400")
    )
    letters = plain.str.split("").alias("sign").to_frame().with_row_index("text")
    # A regular expression cannot say "the same character again" here, so runs are counted character by character.
    signs = letters.explode("sign", empty_as_null=True)
    begins = (pl.col("sign") != pl.col("sign").shift()) | (pl.col("text") != pl.col("text").shift())
    place = pl.int_range(pl.len())
    begun_at = pl.when(begins.fill_null(True)).then(place).forward_fill()
    kept = signs.filter(place - begun_at < LONGEST_RUN)
    joined = kept.group_by("text", maintain_order=True).agg(pl.col("sign").str.join(""))
    return (
        letters.select("text")
        .join(joined, on="text", how="left", maintain_order="left")
        .select(pl.col("sign").fill_null("").str.head(SHAPE_CHARACTERS))["sign"]
    )
