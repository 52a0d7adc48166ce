"""Stage 3 for one column: text without what nobody sees (pipeline, stage 3).

The order matters: a joiner is judged by its neighbours, so what is removed goes first; NFC comes last, because
removing a character can bring a letter and its accent together.
"""

import polars as pl

from syncflow.rules.outcome import null_where, patch

_SPACES = r"\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}"
"""Unicode's space separators but the ASCII blank."""
_INVISIBLE = r"\x{80}-\x{9f}\x{61c}\x{200b}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}"
"""C1 controls, zero-width characters but the two joiners, bidi marks, embeddings and isolates."""
_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f"
"""C0 controls but tab and newline, and DEL. polars' strip and `\\s` leave some of them."""
_JOINERS = r"\x{200c}\x{200d}"
_UNSTABLE = (
    r"\p{M}\x{374}\x{37e}\x{387}\x{958}-\x{95f}\x{9dc}-\x{9df}\x{a33}-\x{a5e}\x{b5c}\x{b5d}\x{f43}-\x{fb9}"
    r"\x{1161}-\x{1175}\x{11a8}-\x{11c2}\x{1f71}-\x{1ffd}\x{2000}\x{2001}\x{2126}\x{212a}\x{212b}\x{2329}\x{232a}\x{2adc}"
    r"\x{f900}-\x{faff}\x{fb1d}-\x{fb4e}\x{1d15e}-\x{1d164}\x{1d1bb}-\x{1d1c0}\x{2f800}-\x{2fa1d}"
)
"""Every character that NFC may change or join to the one before it (and some that it never does)."""
_FOLDED = {
    "ي": "ی",
    "ك": "ک",
    "\u0640": "",
    **{chr(zero + digit): str(digit) for zero in (0x0660, 0x06F0) for digit in range(10)},
}
_FOLDABLE = r"\x{64a}\x{643}\x{640}\x{660}-\x{669}\x{6f0}-\x{6f9}"

_ODD = _CONTROLS + _INVISIBLE + _JOINERS + _UNSTABLE + _SPACES
_ODD_LINE = rf"^$|[{_ODD}\t]|  |^[ \n\x{{2028}}\x{{2029}}]|[ \n\x{{2028}}\x{{2029}}]$"
_ODD_BLOCK = rf"^$|[{_ODD}]|^[ \t\n\x{{2028}}\x{{2029}}]|[ \t\n\x{{2028}}\x{{2029}}]$"
_ENDS = " \t\n\u2028\u2029\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

_BEFORE_EMOJI = r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\x{fe0f}]"
_KEPT = {"\u200c": "\x01", "\u200d": "\x02"}
"""Stand-ins for joiners that stay, while the others go; no control is left in a text at that point."""


def clean(values: pl.Series, *, keep_runs: bool = False, fold: bool = False) -> pl.Series:
    """Text as ScheduleHub shall see it; an empty result is NULL. `keep_runs` leaves blanks within lines alone (CLOB),
    `fold` folds Persian and Arabic letters and digits."""
    odd_pattern = _ODD_BLOCK if keep_runs else _ODD_LINE
    odd = values.str.contains(f"{odd_pattern}|[{_FOLDABLE}]" if fold else odd_pattern).arg_true()
    if odd.is_empty():
        return values
    text = _visible(values.gather(odd))
    if fold:
        text = fold_persian(text)
    text = _with_joiners_in_place(text)
    if not keep_runs:
        text = text.str.replace_all(rf"[ \t{_SPACES}]+", " ")
    text = text.str.strip_chars(_ENDS)
    return patch(values, odd, null_where(text, text == ""))


def fold_persian(values: pl.Series) -> pl.Series:
    """Arabic yeh and kaf to the Persian ones, Persian and Arabic-Indic digits to ASCII, tatweel removed. NFC before, or
    a yeh would lose the hamza above it; NFC after, for what stood around a tatweel."""
    foldable = values.str.contains(f"[{_FOLDABLE}]").arg_true()
    folded = compose(values.gather(foldable)).str.replace_many(_FOLDED)
    return patch(values, foldable, compose(folded))


def compose(values: pl.Series) -> pl.Series:
    """NFC, where the text may not be in it already."""
    odd = values.str.contains(f"[{_UNSTABLE}]").arg_true()
    return patch(values, odd, values.gather(odd).str.normalize("NFC"))


def _visible(values: pl.Series) -> pl.Series:
    lines = values.str.replace_all(r"\r\n?", "\n")
    return lines.str.replace_all(f"[{_CONTROLS}{_INVISIBLE}]", "")


def _with_joiners_in_place(values: pl.Series) -> pl.Series:
    """ZWNJ and ZWJ stay between letters (spelling) and ZWJ within emoji; a run of them counts as its first."""
    composed = compose(values)
    joined = composed.str.contains(f"[{_JOINERS}]").arg_true()
    if joined.is_empty():
        return composed
    text = composed.gather(joined).str.replace_all(f"([{_JOINERS}])[{_JOINERS}]+", "$1")
    for joiner, stand_in in _KEPT.items():
        # Twice, because neighbouring matches share a letter.
        for _ in range(2):
            text = text.str.replace_all(rf"([\p{{L}}\p{{M}}]){joiner}(\p{{L}})", f"${{1}}{stand_in}${{2}}")
    for _ in range(2):
        text = text.str.replace_all(rf"({_BEFORE_EMOJI})\x{{200d}}(\p{{Extended_Pictographic}})", "${1}\x02${2}")
    text = text.str.replace_all(f"[{_JOINERS}]", "")
    restored = text.str.replace_many(list(_KEPT.values()), list(_KEPT))
    return patch(composed, joined, compose(restored))
