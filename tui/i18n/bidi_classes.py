"""The direction class of each character (UAX #9, Table 4), with the defaults of code points that are not assigned."""

import unicodedata
from functools import cache

STRONG = frozenset(("L", "R", "AL"))
OPENS_ISOLATE = frozenset(("LRI", "RLI", "FSI"))
EMBEDS = frozenset(("LRE", "RLE", "LRO", "RLO"))
REMOVED = EMBEDS | {"PDF", "BN"}
"""What rule X9 takes out."""
ISOLATES = OPENS_ISOLATE | {"PDI"}
NEUTRAL = ISOLATES | {"B", "S", "WS", "ON"}
_UNASSIGNED = (
    ("AL", ((0x0600, 0x07BF), (0x0860, 0x08FF), (0xFB50, 0xFDCF), (0xFDF0, 0xFDFF), (0xFE70, 0xFEFF))),
    ("AL", ((0x10D00, 0x10D3F), (0x10EC0, 0x10EFF), (0x10F30, 0x10F6F), (0x1EC70, 0x1ECBF), (0x1ED00, 0x1ED4F))),
    ("AL", ((0x1EE00, 0x1EEFF),)),
    ("R", ((0x0590, 0x05FF), (0x07C0, 0x085F), (0xFB1D, 0xFB4F), (0x10800, 0x10FFF), (0x1E800, 0x1EFFF))),
    ("ET", ((0x20A0, 0x20CF),)),
)


@cache
def bidi_class(sign: str) -> str:
    """`L`, `AL`, `EN`, .. of one character. The cache holds as many as there are characters in use."""
    return unicodedata.bidirectional(sign) or _default(ord(sign))


def _default(code: int) -> str:
    if 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE or 0xE0000 <= code <= 0xE0FFF:
        return "BN"
    return next((name for name, ranges in _UNASSIGNED if any(low <= code <= high for low, high in ranges)), "L")
