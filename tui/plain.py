"""Text from outside made harmless to a terminal, and still exact: nothing is dropped, what cannot be shown is named."""

import re

from rich.text import Text

CONTROLS = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "\u2421"}
STEERING = re.compile("[\x80-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""C1 controls, marks that turn the direction, line separators and half characters."""


def harmless(text: str) -> str:
    """Control characters as their pictures (`\\n` is ␊), marks that steer the direction as `<U+202E>`."""
    return STEERING.sub(lambda found: f"<U+{ord(found[0]):04X}>", text.translate(CONTROLS))


def literal(text: str, style: str = "") -> Text:
    """The text as it is, never read as markup."""
    return Text(harmless(text), style=style, no_wrap=True, end="")
