"""What is known of many rows at once, compactly: 16 bytes for a key, 32 for a data hash, never an object a row."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from syncflow.chunk import DATA, KEY, ROWVERSION, UID

T = TypeVar("T")
Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

ABSENT = -1
"""The place of a key that is not there."""


def words(hexadecimal: pl.Series, count: int) -> Words:
    """Hex digits (16 a word) as an array of shape (rows, count) that sorts as the text does.

    Raises ValueError where a value is not of exactly so many digits.
    """
    if hexadecimal.is_empty():
        return np.empty((0, count), dtype=np.uint64)
    lengths = hexadecimal.str.len_bytes()
    if hexadecimal.has_nulls() or lengths.min() != 16 * count or lengths.max() != 16 * count:
        raise ValueError(f"a hash is not of {16 * count} hex digits")
    return words_of_digits(hexadecimal.str.join("").item(), count)


def words_of_digits(digits: str, count: int) -> Words:
    """The same for values that stand one after the other without anything between."""
    binary = bytes.fromhex(digits)
    if 2 * len(binary) != len(digits):
        raise ValueError("a hash has blanks among its hex digits")
    return words_of_bytes(binary, count)


def words_of_bytes(binary: bytes, count: int) -> Words:
    """The same for the bytes that the digits stand for."""
    return np.frombuffer(binary, dtype=">u8").astype(np.uint64).reshape(-1, count)


def hexadecimal(array: Words) -> pl.Series:
    """The inverse of `words`: String of 16 lower-case hex digits a word."""
    if len(array) == 0:
        return pl.Series(dtype=pl.String)
    lines = array.astype(">u8").tobytes().hex("\n", 8 * array.shape[1])
    return pl.Series([lines]).str.split("\n").explode()


RUN_ROWS = 500_000
"""A key set sorts its keys in runs of this many, so that adding a chunk costs the same however many there are."""


class KeySet:
    """A growing set of key hashes, 16 bytes each; a chunk of keys is added or asked for at a time."""

    def __init__(self, run_rows: int = RUN_ROWS) -> None:
        self._run_rows = run_rows
        self._full: tuple[Words, ...] = ()
        self._last: Words = np.empty((0, 2), dtype=np.uint64)

    def __len__(self) -> int:
        return sum(map(len, self._full)) + len(self._last)

    def copy(self) -> "KeySet":
        """The set as it is now; what is added later does not show in it."""
        same = KeySet(self._run_rows)
        same._full, same._last = self._full, self._last
        return same

    def add(self, keys: Words) -> npt.NDArray[np.bool_]:
        """Add keys, and say which of them were in it before; a key may come twice."""
        contained = self.contains(keys)
        self._insert(_unique(keys[~contained]))
        return contained

    def runs(self) -> Iterator[Words]:
        """All keys, a part at a time."""
        yield from (*self._full, self._last)

    def contains(self, keys: Words) -> npt.NDArray[np.bool_]:
        contained = np.zeros(len(keys), dtype=np.bool_)
        for run in (*self._full, self._last):
            contained |= find_places(run, keys) != ABSENT
        return contained

    def _insert(self, new: Words) -> None:
        merged = np.concatenate([self._last, new])
        # A stable sort finds two sorted runs here and merges them.
        self._last = _by_columns(merged, np.argsort(merged[:, 0], kind="stable"))
        if len(self._last) >= self._run_rows:
            self._full, self._last = (*self._full, self._last), self._last[:0].copy()


def _unique(keys: Words) -> Words:
    """Each key once, sorted by its first word."""
    ordered = keys[np.argsort(keys[:, 0])]
    if bool((ordered[1:, 0] == ordered[:-1, 0]).any()):
        return np.unique(ordered, axis=0)
    return ordered


@dataclass(frozen=True)
class Identities:
    """Identities of some rows that a target holds: `keys` of shape (rows, 2), `data` (rows, 4), `uid` (rows, 2) or None
    where the target is addressed by key; `rowversion` is None unless it was asked for."""

    keys: Words
    data: Words
    uid: Words | None = None
    rowversion: pl.Series | None = None

    @classmethod
    def of(cls, frame: pl.DataFrame, *, with_rowversion: bool) -> "Identities":
        """From a frame of IDENTITY_SCHEMA."""
        uid = None if frame[UID].has_nulls() else words(frame[UID].str.replace_all("-", "", literal=True), 2)
        rowversion = frame[ROWVERSION] if with_rowversion else None
        return cls(words(frame[KEY], 2), words(frame[DATA].fill_null("0" * 64), 4), uid, rowversion)

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Known(Identities):
    """All of them, sorted by the first word of the key."""

    @classmethod
    def sorted(cls, parts: Iterable[Identities]) -> "Known":
        """At most a column more than the result is held on the way."""
        columns = [(part.keys, part.data, part.uid, part.rowversion) for part in parts if len(part)]
        if not columns:
            return cls(np.empty((0, 2), dtype=np.uint64), np.empty((0, 4), dtype=np.uint64))
        all_keys, all_data, all_uids, all_versions = map(list, zip(*columns, strict=True))
        columns.clear()
        keys = np.concatenate(all_keys)
        all_keys.clear()
        order = np.argsort(keys[:, 0])
        return cls(
            keys=_by_columns(keys, order),
            data=_ordered(all_data, order),
            uid=_ordered(uids, order) if (uids := _unless_missing(all_uids)) else None,
            rowversion=pl.concat(versions).gather(order) if (versions := _unless_missing(all_versions)) else None,
        )

    def places(self, keys: Words) -> Places:
        return find_places(self.keys, keys)

    def uids(self, places: Places) -> pl.Series:
        """Text uids of these places; NULL for ABSENT, and everywhere when the target is addressed by key."""
        if self.uid is None or len(self.uid) == 0:
            return pl.repeat(None, len(places), dtype=pl.String, eager=True)
        digits = hexadecimal(self.uid[np.maximum(places, 0)])
        frame = pl.DataFrame({"u": digits, "there": places != ABSENT})
        cuts = [pl.col("u").str.slice(at, n) for at, n in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
        return frame.select(pl.when("there").then(pl.concat_str(cuts, separator="-")).alias(UID))[UID]


def _by_columns(keys: Words, order: Places) -> Words:
    """The rows in this order. First words stand side by side, since it is them that are searched."""
    result = np.empty(keys.shape, dtype=keys.dtype, order="F")
    for column in range(keys.shape[1]):
        np.take(keys[:, column], order, out=result[:, column])
    return result


def _unless_missing(parts: list[T | None]) -> list[T]:
    """The parts, which are given up; none where one of them is None."""
    there = [part for part in parts if part is not None]
    complete = len(there) == len(parts)
    parts.clear()
    return there if complete else []


def _ordered(parts: list[Words], order: Places) -> Words:
    """The rows of all parts, which are given up one by one, in this order."""
    place = np.empty(len(order), dtype=np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    result = np.empty((len(order), parts[0].shape[1]), dtype=np.uint64)
    start = 0
    while parts:
        part = parts.pop(0)
        result[place[start : start + len(part)]] = part
        start += len(part)
    return result


def find_places(keys: Words, wanted: Words) -> Places:
    """Where each wanted key stands in `keys` (sorted by its first word), ABSENT for those that do not.

    Two different keys with the same first word are possible, if hardly ever seen; they stand side by side.
    """
    places = np.full(len(wanted), ABSENT, dtype=np.int64)
    if len(keys) == 0:
        return places
    # Looked up in their order, neighbours share the way and the processor's cache.
    looking = np.argsort(wanted[:, 0])
    at = np.empty(len(wanted), dtype=np.int64)
    at[looking] = np.searchsorted(keys[:, 0], wanted[looking, 0])
    while len(looking):
        inside = looking[at[looking] < len(keys)]
        same = inside[keys[at[inside], 0] == wanted[inside, 0]]
        hit = keys[at[same], 1] == wanted[same, 1]
        places[same[hit]] = at[same[hit]]
        looking = same[~hit]
        at[looking] += 1
    return places
