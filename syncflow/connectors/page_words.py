"""Comparing bytes at many places of a buffer at once, eight at a time."""

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Words:
    """The machine words that begin at each offset of a buffer (of at least SIZE bytes), aligned or not."""

    SIZE = 8

    def __init__(self, found: NDArray[np.uint8]) -> None:
        self._words = np.ndarray((found.size - self.SIZE + 1,), "<u8", found, strides=(1,))

    def all_behind(self, text: bytes, at: Positions) -> bool:
        """Whether `text` stands before each of these offsets."""
        return all(
            bool((self._behind(at, depth, mask) == word).all()) for depth, (word, mask) in enumerate(_words_of(text))
        )

    def behind(self, texts: list[bytes], at: Positions) -> NDArray[np.int64]:
        """For each of these offsets, which of the texts stands before it; -1 where none does."""
        last = self._behind(at, 0, np.uint64(2**64 - 1))
        which = np.full(at.size, -1, np.int64)
        for number, text in enumerate(texts):
            (word, mask), *others = _words_of(text)
            hits = np.flatnonzero((last & mask) == word)
            for depth, (word, mask) in enumerate(others, 1):
                hits = hits[self._behind(at[hits], depth, mask) == word]
            which[hits] = number
        return which

    def _behind(self, at: Positions, depth: int, mask: np.uint64) -> NDArray[np.uint64]:
        """The word that ends `depth` words before each of these offsets; zeros stand before the first byte."""
        starts = at - self.SIZE * (depth + 1)
        words: NDArray[np.uint64] = self._words[np.maximum(starts, 0)]
        for number in np.flatnonzero(starts < 0) if starts.size and starts.min() < 0 else ():
            shift = 8 * min(-int(starts[number]), self.SIZE)
            words[number] = (int(words[number]) << shift) & (2**64 - 1)
        return words & mask


def _words_of(text: bytes) -> list[tuple[np.uint64, np.uint64]]:
    """A text's words from its end to its beginning, each with the mask of its bytes."""
    words = []
    for end in range(len(text), 0, -Words.SIZE):
        part = text[max(0, end - Words.SIZE) : end]
        shift = 8 * (Words.SIZE - len(part))
        words.append((np.uint64(int.from_bytes(part, "little") << shift), np.uint64(2**64 - (1 << shift))))
    return words
