"""Bare JSON numbers: checked by the grammar and put into quotes, so that a decoder hands them on digit for digit."""

import numpy as np
from numpy.typing import NDArray

from syncflow.connectors.page_scan import Positions

PLAIN_DIGITS = 18
"""Integers of up to this many digits come through any decoder as they are."""

MAX_DIGITS = 400
"""A longer number (Oracle's longest plain form has about 170 digits) is left to the exact way."""

# The grammar of RFC 8259, section 6, as a table: state x class of byte -> state.
_MINUS, _ZERO, _DIGIT, _POINT, _EXP, _PLUS, _END, _OTHER = range(8)
_START, _SIGNED, _LEADING_ZERO, _WHOLE, _DOT, _FRACTION, _E, _E_SIGNED, _EXPONENT, _DONE, _BAD = range(11)


def _grammar() -> NDArray[np.uint8]:
    table = np.full((11, 8), _BAD, np.uint8)
    for state, moves in {
        _START: {_MINUS: _SIGNED, _ZERO: _LEADING_ZERO, _DIGIT: _WHOLE},
        _SIGNED: {_ZERO: _LEADING_ZERO, _DIGIT: _WHOLE},
        _LEADING_ZERO: {_POINT: _DOT, _EXP: _E, _END: _DONE},
        _WHOLE: {_ZERO: _WHOLE, _DIGIT: _WHOLE, _POINT: _DOT, _EXP: _E, _END: _DONE},
        _DOT: {_ZERO: _FRACTION, _DIGIT: _FRACTION},
        _FRACTION: {_ZERO: _FRACTION, _DIGIT: _FRACTION, _EXP: _E, _END: _DONE},
        _E: {_MINUS: _E_SIGNED, _PLUS: _E_SIGNED, _ZERO: _EXPONENT, _DIGIT: _EXPONENT},
        _E_SIGNED: {_ZERO: _EXPONENT, _DIGIT: _EXPONENT},
        _EXPONENT: {_ZERO: _EXPONENT, _DIGIT: _EXPONENT, _END: _DONE},
    }.items():
        for symbol, following in moves.items():
            table[state, symbol] = following
    return table


def _classes() -> NDArray[np.uint8]:
    classes = np.full(256, _OTHER, np.uint8)
    for symbol, signs in ((_MINUS, b"-"), (_ZERO, b"0"), (_DIGIT, b"123456789"), (_POINT, b"."), (_EXP, b"eE")):
        classes[list(signs)] = symbol
    classes[list(b"+")] = _PLUS
    classes[list(b",} ")] = _END
    return classes


_GRAMMAR = _grammar()
_CLASSES = _classes()


def quote_numbers(rows: bytes, starts: Positions) -> bytes | None:
    """The same bytes with those numbers that begin at `starts` (ascending) and are not plain integers as JSON strings.

    None when one of them is no JSON number, or too long.
    """
    if starts.size == 0:
        return rows
    found = np.frombuffer(rows, np.uint8)
    ends = np.empty_like(starts)
    plain = np.empty(starts.size, np.bool_)
    if not _measure(found, starts, ends, plain):
        return None
    odd = ~plain
    if not odd.any():
        return rows
    return _insert_quotes(found, np.stack([starts[odd], ends[odd]], axis=1).ravel())


def _measure(rows: NDArray[np.uint8], starts: Positions, ends: Positions, plain: NDArray[np.bool_]) -> bool:
    """Fill in where each number ends and whether it is a plain integer (short; no minus zero, point or exponent);
    False when the grammar is broken. Goes through all numbers at once, byte by byte."""
    alive = np.arange(starts.size)
    state = np.zeros(starts.size, np.uint8)
    for step in range(MAX_DIGITS):
        symbol = _CLASSES[np.take(rows, starts[alive] + step, mode="clip")]
        following = _GRAMMAR[state, symbol]
        if bool((following == _BAD).any()):
            return False
        done = following == _DONE
        if done.any():
            ended = alive[done]
            ends[ended] = starts[ended] + step
            plain[ended] = _are_plain(state[done], rows[starts[ended]], step)
            alive, following = alive[~done], following[~done]
        state = following
        if alive.size == 0:
            return True
    return False


def _are_plain(last: NDArray[np.uint8], first_byte: NDArray[np.uint8], length: int) -> NDArray[np.bool_]:
    plain: NDArray[np.bool_] = (last == _WHOLE) | ((last == _LEADING_ZERO) & (first_byte != ord("-")))
    return plain & (length <= PLAIN_DIGITS)


def _insert_quotes(rows: NDArray[np.uint8], at: Positions) -> bytes:
    """A `"` before each of these offsets (ascending) of the original."""
    quoted = np.full(rows.size + at.size, ord('"'), np.uint8)
    kept = np.ones(quoted.size, np.bool_)
    kept[at + np.arange(at.size)] = False
    quoted[kept] = rows
    return quoted.tobytes()
