"""What is known of many rows at once, compactly: 16 bytes for a key, 32 for a data hash, never an object a row."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from syncflow.chunk import DATA, KEY, ROWVERSION, UID

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

ABSENT = -1
"""The place of a key that is not there."""


def words(hexadecimal: pl.Series, count: int) -> Words:
    """Hex digits (16 a word) as an array of shape (rows, count) that sorts as the text does."""
    if hexadecimal.is_empty():
        return np.empty((0, count), dtype=np.uint64)
    binary = b"".join(hexadecimal.str.decode("hex").to_list())
    return np.frombuffer(binary, dtype=">u8").astype(np.uint64).reshape(-1, count)


def hexadecimal(array: Words) -> pl.Series:
    """The inverse of `words`: String of 16 lower-case hex digits a word."""
    digits = array.astype(">u8").tobytes().hex()
    width = array.shape[1] * 16
    return pl.Series([digits[at : at + width] for at in range(0, len(digits), width)], dtype=pl.String)


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

    def add(self, keys: Words) -> None:
        """Add keys that are not in it yet."""
        merged = np.concatenate([self._last, keys])
        self._last = merged[np.argsort(merged[:, 0], kind="stable")]
        if len(self._last) >= self._run_rows:
            self._full, self._last = (*self._full, self._last), self._last[:0].copy()

    def contains(self, keys: Words) -> npt.NDArray[np.bool_]:
        contained = np.zeros(len(keys), dtype=np.bool_)
        for run in (*self._full, self._last):
            contained |= find_places(run, keys) != ABSENT
        return contained


@dataclass(frozen=True)
class Known:
    """The identities of rows that a target holds, sorted by key. `data` has shape (rows, 4), `uid` (rows, 2) or is
    None where the target is addressed by key; `rowversion` is None unless it was asked for."""

    keys: Words
    data: Words
    uid: Words | None
    rowversion: pl.Series | None

    @classmethod
    def of(cls, frames: Iterable[pl.DataFrame], *, with_rowversion: bool) -> "Known":
        """From frames of IDENTITY_SCHEMA."""
        parts = [_compact(frame, with_rowversion=with_rowversion) for frame in frames if not frame.is_empty()]
        if not parts:
            none = np.empty((0, 2), dtype=np.uint64)
            return cls(none, np.empty((0, 4), dtype=np.uint64), none, pl.Series(dtype=pl.String))
        keys = np.concatenate([part.keys for part in parts])
        order = np.argsort(keys[:, 0], kind="stable")
        uids = [part.uid for part in parts if part.uid is not None]
        versions = [part.rowversion for part in parts if part.rowversion is not None]
        return cls(
            keys=keys[order],
            data=np.concatenate([part.data for part in parts])[order],
            uid=np.concatenate(uids)[order] if len(uids) == len(parts) else None,
            rowversion=pl.concat(versions).gather(order) if versions else None,
        )

    def __len__(self) -> int:
        return len(self.keys)

    def places(self, keys: Words) -> Places:
        return find_places(self.keys, keys)

    def uids(self, places: Places) -> pl.Series:
        """Text uids of these places; NULL for ABSENT, and everywhere when the target is addressed by key."""
        if self.uid is None or len(self.uid) == 0:
            return pl.Series([None] * len(places), dtype=pl.String)
        digits = hexadecimal(self.uid[np.maximum(places, 0)])
        frame = pl.DataFrame({"u": digits, "there": places != ABSENT})
        cuts = [pl.col("u").str.slice(at, n) for at, n in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
        return frame.select(pl.when("there").then(pl.concat_str(cuts, separator="-")).alias(UID))[UID]


def _compact(frame: pl.DataFrame, *, with_rowversion: bool) -> Known:
    no_uids = frame[UID].null_count() > 0
    return Known(
        keys=words(frame[KEY], 2),
        data=words(frame[DATA].fill_null("0" * 64), 4),
        uid=None if no_uids else words(frame[UID].str.replace_all("-", "", literal=True), 2),
        rowversion=frame[ROWVERSION] if with_rowversion else None,
    )


def find_places(keys: Words, wanted: Words) -> Places:
    """Where each wanted key stands in `keys` (sorted by its first word), ABSENT for those that do not.

    Two different keys with the same first word are possible, if hardly ever seen; they stand side by side.
    """
    if len(keys) == 0:
        return np.full(len(wanted), ABSENT, dtype=np.int64)
    at = np.searchsorted(keys[:, 0], wanted[:, 0]).astype(np.int64)
    places = np.full(len(wanted), ABSENT, dtype=np.int64)
    looking = np.arange(len(wanted))
    while len(looking):
        inside = looking[at[looking] < len(keys)]
        same = inside[keys[at[inside], 0] == wanted[inside, 0]]
        hit = keys[at[same], 1] == wanted[same, 1]
        places[same[hit]] = at[same[hit]]
        looking = same[~hit]
        at[looking] += 1
    return places
