"""Canonical text of a row, version 1, and the hashes made of it (pipeline, stage 7).

Fields stand in code-point order of their names as `name=value`, joined by `|`; `\\`, `|` and `=` are escaped by `\\` in
names and values; NULL fields are left out. Values are canonical already (see `rules`). There are two ways to the same
text and the same hashes: columns, and single records for explanations, retries and references.
"""

from collections.abc import Collection, Mapping, Sequence

import blake3
import polars as pl
import polars_hash
import xxhash

VERSION = 1

_SPECIAL = r"[\\|=]"


def escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("=", "\\=")


def canonical_text(values: Mapping[str, str | None]) -> str:
    """The canonical text of one record, name -> canonical value; `''` when all are NULL."""
    return "|".join(f"{escape(name)}={escape(value)}" for name, value in sorted(values.items()) if value is not None)


def parse_ref(ref: str) -> dict[str, str]:
    """The values that a canonical text was made of; the inverse of `canonical_text`, NULL fields apart.

    Raises ValueError for a text that `canonical_text` cannot have made.
    """
    values: dict[str, str] = {}
    for field in _split(ref, "|") if ref else []:
        parts = _split(field, "=")
        if len(parts) != 2:
            raise ValueError(f"{ref!r} is no canonical text: {field!r} is not of the form name=value.")
        name, value = (_unescape(part) for part in parts)
        values[name] = value
    if canonical_text(values) != ref:
        raise ValueError(f"{ref!r} is no canonical text: names twice, out of order or escaped needlessly.")
    return values


def bk_hash(entity: str, ref: str) -> str:
    """BK_HASH: XXH3-128 of the entity and the canonical text of the business key, 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(f"{entity}|{ref}".encode())


def data_hash(text: str) -> str:
    """DATA_HASH: BLAKE3-256 of the canonical text of the data, 64 hex digits."""
    return blake3.blake3(text.encode()).hexdigest()


def canonical_column(rows: pl.DataFrame, names: Collection[str], plain: Collection[str] = ()) -> pl.Series:
    """The canonical text of every row of a frame of String columns, from these columns. `plain` are columns that cannot
    hold a character to escape (numbers, dates), which saves looking."""
    ordered = sorted(names)
    plain = _plain(rows, ordered, plain)
    first = next((place for place, name in enumerate(ordered) if not rows[name].null_count()), None)
    if first is None:
        fields = [_field(rows[name], name, plain) for name in ordered]
        return rows.select(pl.concat_str(fields, separator="|", ignore_nulls=True)).to_series()
    # Around a column that is never NULL every field brings its own bar, and one concatenation does it all.
    pieces: list[pl.Expr | pl.Series] = []
    for place, name in enumerate(ordered):
        before, after = ("|" if place > first else ""), ("|" if place < first else "")
        pieces += _pieces(rows[name], name, plain, before, after)
    return rows.select(pl.concat_str(pieces)).to_series()


def bk_hash_column(entity: str, refs: pl.Series) -> pl.Series:
    """BK_HASH of every canonical key; NULL for NULL."""
    key = pl.concat_str(pl.lit(f"{entity}|"), pl.lit(refs))
    # Big-endian is the canonical digest of XXH3, the one that `hexdigest` writes.
    digest = polars_hash.col("key").nchash.xxh3_128(return_binary=True, byte_order="big")
    return pl.select(key.alias("key")).select(digest.bin.encode("hex")).to_series()


def data_hash_column(texts: pl.Series) -> pl.Series:
    """DATA_HASH of every canonical text."""
    return texts.alias("text").to_frame().select(polars_hash.col("text").chash.blake3()).to_series()


def _plain(rows: pl.DataFrame, names: Sequence[str], plain: Collection[str]) -> Collection[str]:
    """`plain`, or all names where nothing is to escape anywhere, which one look at whole rows tells."""
    unknown = [name for name in names if name not in plain]
    text = rows.select(pl.concat_str(unknown, ignore_nulls=True)).to_series() if unknown else None
    return plain if text is not None and text.str.contains(_SPECIAL).any() else names


def _pieces(values: pl.Series, name: str, plain: Collection[str], before: str, after: str) -> list[pl.Expr | pl.Series]:
    if values.null_count():
        field = pl.concat_str(pl.lit(before), _field(values, name, plain), pl.lit(after))
        return [field.fill_null("")]
    return [pl.lit(f"{before}{escape(name)}="), _escaped(values, name, plain), pl.lit(after)]


def _field(values: pl.Series, name: str, plain: Collection[str]) -> pl.Expr:
    return pl.concat_str(pl.lit(f"{escape(name)}="), _escaped(values, name, plain))


def _escaped(values: pl.Series, name: str, plain: Collection[str]) -> pl.Expr:
    if name in plain or not values.str.contains(_SPECIAL).any():
        return pl.lit(values)
    return pl.lit(values.str.replace_all(rf"({_SPECIAL})", r"\${1}"))


def _split(text: str, mark: str) -> list[str]:
    """Split at a mark that is not escaped."""
    parts, start, place = [], 0, 0
    while place < len(text):
        if text[place] == mark:
            parts.append(text[start:place])
            start = place + 1
        place += 2 if text[place] == "\\" else 1
    return [*parts, text[start:]]


def _unescape(text: str) -> str:
    pieces, place = [], 0
    while place < len(text):
        place += text[place] == "\\"
        pieces.append(text[place : place + 1])
        place += 1
    return "".join(pieces)
