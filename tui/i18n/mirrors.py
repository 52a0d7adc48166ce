"""Glyphs that have another one as their mirror image: brackets, signs of comparison, arrows, corners and bars.

Brackets and quotation marks are Unicode's (BidiBrackets.txt and BidiMirroring.txt, as far as one cell shows them). To
these come what a console draws with, since here the whole screen is mirrored: arrows, box drawing, half blocks.
"""

import unicodedata

_CANONICAL = {"\u2329": "\u3008", "\u232a": "\u3009"}
"""Angle brackets that are another one's equivalent (BD14, BD15)."""
_CROSSED = {"\u298d": "\u2990", "\u298f": "\u298e"}
"""Opening brackets whose partner does not follow them."""
_OPENING_RANGES = (
    *((0x28, 0x7B), (0xF3A, 0xF3C), (0x169B, 0x169B), (0x2045, 0x208D), (0x2308, 0x230A), (0x2329, 0x2329)),
    *((0x2768, 0x2774), (0x27C5, 0x27C5), (0x27E6, 0x27EE), (0x2983, 0x2997), (0x29D8, 0x29FC), (0x2E22, 0x2E28)),
    *((0x2E55, 0x2E5B), (0x3008, 0x301A), (0xFE59, 0xFE5D), (0xFF08, 0xFF62)),
)
_OTHERS = (
    *("<>", "«»", "‹›", "≤≥", "≪≫", "≮≯", "≰≱", "≲≳", "∈∋", "∉∌", "≺≻", "⊂⊃", "⊆⊇", "⊏⊐", "⊑⊒", "⊢⊣", "⋘⋙", "❮❯", "❰❱"),
    *("←→", "↖↗", "↙↘", "↚↛", "↞↠", "↢↣", "↤↦", "↩↪", "↫↬", "↰↱", "↲↳", "↼⇀", "↽⇁", "⇇⇉", "⇐⇒", "⇍⇏", "⇚⇛", "⇠⇢", "⇤⇥"),
    *("⇦⇨", "⟵⟶", "⟸⟹", "⬅➡", "◀▶", "◁▷", "◂▸", "◃▹", "◄►", "◅▻", "◐◑", "◖◗", "◢◣", "◤◥", "◰◳", "◱◲"),
    *("┌┐", "┍┑", "┎┒", "┏┓", "└┘", "┕┙", "┖┚", "┗┛", "├┤", "┝┥", "┞┦", "┟┧", "┠┨", "┡┩", "┢┪", "┣┫", "┭┮", "┱┲", "┵┶"),
    *("┹┺", "┽┾", "╃╄", "╅╆", "╉╊", "╒╕", "╓╖", "╔╗", "╘╛", "╙╜", "╚╝", "╞╡", "╟╢", "╠╣", "╭╮", "╰╯", "╱╲", "╴╶", "╸╺"),
    *("╼╾", "▌▐", "▖▗", "▘▝", "▙▟", "▚▞", "▛▜", "▏▕"),
)


def _brackets() -> dict[str, str]:
    """Opening brackets and their partners: opening punctuation that is mirrored and whose neighbour closes it."""
    pairs = dict(_CROSSED)
    for first, last in _OPENING_RANGES:
        for code in range(first, last + 1):
            opening = chr(code)
            closing = next((chr(beside) for beside in (code + 1, code + 2) if _is_bracket(chr(beside), "Pe")), None)
            if _is_bracket(opening, "Ps") and closing is not None:
                pairs.setdefault(opening, closing)
    return pairs


def _is_bracket(sign: str, category: str) -> bool:
    return unicodedata.category(sign) == category and unicodedata.mirrored(sign) == 1


PARTNERS = _brackets()
"""Opening brackets and the closing ones that belong to them (BD16)."""
MIRRORED = {
    **PARTNERS,
    **{closing: opening for opening, closing in PARTNERS.items()},
    **{pair[0]: pair[1] for pair in _OTHERS},
    **{pair[1]: pair[0] for pair in _OTHERS},
}
"""Each glyph and its mirror image."""

INVERSE = {"▉": "▏", "▊": "▎", "▋": "▍", "▍": "▋", "▎": "▊"}
"""Parts of a block whose mirror image is another part with the colours exchanged."""


def canonical(bracket: str) -> str:
    """The bracket by which equivalent ones are matched."""
    return _CANONICAL.get(bracket, bracket)
