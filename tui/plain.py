"""Text from outside made harmless to a terminal, and still exact: nothing is dropped, what cannot be shown is named."""

import re

from rich.cells import cell_len, set_cell_size
from rich.text import Text

CONTROLS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
_ARABIC = r"[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff]"
STEERING = re.compile(
    r"[\x80-\x9f\xad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b\u200d-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    rf"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]|(?<!{_ARABIC})\u200c(?!{_ARABIC})"
)
"""C1 controls, marks that turn the direction, line separators, half characters, and what nobody can see. A ZWNJ is
left where it belongs: beside a letter that joins."""


def harmless(text: str) -> str:
    """Control characters as their pictures (`\\n` is ␊), marks that steer the direction and what is invisible as
    `<U+202E>`."""
    return STEERING.sub(lambda found: f"<U+{ord(found[0]):04X}>", text.translate(CONTROLS))


def fitted(text: str, width: int, *, right: bool = False) -> str:
    """The text, harmless, in exactly so many cells; what does not fit is cut with an ellipsis."""
    shown = harmless(text)
    length = cell_len(shown)
    if length > width:
        return set_cell_size(shown, max(width - 1, 0)) + "…"
    return " " * (width - length) + shown if right else shown + " " * (width - length)


def literal(text: str, style: str = "") -> Text:
    """The text as it is, never read as markup."""
    return Text(harmless(text), style=style, no_wrap=True, end="")
