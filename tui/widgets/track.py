"""The live track of a running batch: how far it is, how fast, and which of the nine stages holds the rest up."""

from textual.content import Content
from textual.widgets import Static

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _, plural
from tui import marks
from tui.marks import Tone, toned
from tui.progress import Track

NAMES = {
    "fetch": N_("fetch"),
    "coercion": N_("types"),
    "string": N_("text"),
    "numeric": N_("numbers"),
    "datetime": N_("dates"),
    "mapping": N_("mapping"),
    "identity": N_("identity"),
    "delta": N_("delta"),
    "load": N_("load"),
}
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HOLDS_UP = 0.4
"""From this share of the work time on, a stage is named as the one that holds the rest up."""


def bar(share: float, width: int) -> str:
    """A bar of so many cells, in eighths of a cell."""
    eighths = round(max(min(share, 1.0), 0.0) * width * 8)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(width, "·")


class TrackView(Static):
    """Two lines: progress; and the stages with their share of the time."""

    DEFAULT_CSS = "TrackView { height: 2; text-wrap: nowrap; text-overflow: ellipsis; }"

    def show(self, track: Track) -> None:
        width = self.size.width
        self.update(Content("\n").join([_progress(track, width), _stages(track, width)]), layout=False)


def _progress(track: Track, width: int) -> Content:
    if track.ended is not None:
        text, tone = marks.status(track.ended.status)
        told = [toned(text, tone), toned(track.entity), toned(plural("{n} row", "{n} rows", track.rows))]
        return Content("  ").join(told)
    pieces = [toned("▶", Tone.LIVE), Content.styled(track.entity.ljust(22), "bold")]
    if track.expected:
        share = track.rows / track.expected
        pieces += [toned(bar(share, max(width // 6, 8)), Tone.LIVE), toned(formats.percent(share).rjust(6))]
        pieces.append(toned(_("{} of {} rows").format(formats.whole(track.rows), formats.whole(track.expected))))
    else:
        pieces.append(toned(plural("{n} row", "{n} rows", track.rows)))
    pieces.append(toned(formats.rate(track.rate, 1.0) if track.rate else "", Tone.QUIET))
    left = track.seconds_left
    if left:
        pieces.append(toned(_("{} left").format(formats.stopwatch(left)), Tone.QUIET))
    if track.counters.failed:
        pieces.append(toned(_("✖ {} failed").format(formats.whole(track.counters.failed)), Tone.BAD))
    return Content(" ").join(pieces)


def _stages(track: Track, width: int) -> Content:
    shares = track.shares()
    slowest, most = max(shares, key=lambda share: share[1])
    pieces = []
    for name, share in shares:
        holds_up = name == slowest and most >= _HOLDS_UP
        level = _EIGHTHS_UP[min(round(share * 8), 8)]
        pieces.append(toned(f"{_(NAMES[name])} {level}", Tone.WARN if holds_up else Tone.QUIET))
    line = Content("  ") + Content(" › ").join(pieces)
    if most >= _HOLDS_UP and width >= 110:
        told = _("{stage} takes {share}").format(stage=_(NAMES[slowest]), share=formats.percent(round(most, 2)))
        line += toned(f"   {told}", Tone.WARN)
    return line


_EIGHTHS_UP = "·▁▂▃▄▅▆▇█"
