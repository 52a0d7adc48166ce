"""The digits of each language. Ids, keys, hashes and JSON keep ASCII's."""

from collections.abc import Mapping

_ZEROS = {"fa": 0x06F0, "ar": 0x0660}
_NATIVE = {language: {0x30 + digit: zero + digit for digit in range(10)} for language, zero in _ZEROS.items()}
ASCII: Mapping[str, str] = {chr(zero + digit): str(digit) for zero in _ZEROS.values() for digit in range(10)}
"""Each native digit and the one of ASCII that means the same."""
_STEERING = {0x200E: None, 0x200F: None, 0x061C: None}
_ASCII_TABLE = str.maketrans(dict(ASCII))


def native(text: str, language: str) -> str:
    """A number or time in the digits of the language, without marks that steer the direction: the screen keeps a number
    in its order by itself."""
    table = _NATIVE.get(language)
    return text if table is None else text.translate(_STEERING).translate(table)


def native_percent(text: str, language: str) -> str:
    """The same with the percent sign that belongs to such digits."""
    return native(text, language) if language not in _ZEROS else native(text, language).replace("%", "\u066a")


def plain(text: str) -> str:
    """What was typed on a keyboard with native digits, in those of ASCII."""
    return text.translate(_ASCII_TABLE)
