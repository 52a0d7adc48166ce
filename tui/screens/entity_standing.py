"""How an entity stands, in a line: its newest batch, its watermark, and what a draft makes of its rows."""

from typing import TYPE_CHECKING

from textual.content import Content

from syncflow.i18n import formats
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.texts import retold
from tui import marks
from tui.marks import Tone, toned

if TYPE_CHECKING:
    from syncflow.service.batches import Overview
    from syncflow.service.mapping_preview import EntityPreview, Sample


def standing_line(line: "Overview | None") -> Content:
    if line is None:
        return toned(_("not stored yet"), Tone.QUIET)
    if line.batch is None:
        return toned(_("never synced"), Tone.QUIET)
    text, tone = marks.status(line.batch.status)
    parts = [toned(text, tone), toned(formats.clock(line.batch.completed_at or line.batch.started_at), Tone.QUIET)]
    parts.append(toned(plural("{n} row", "{n} rows", line.batch.counters.fetched)))
    if line.batch.counters.failed:
        parts.append(toned(plural("✖ {n} failed", "✖ {n} failed", line.batch.counters.failed), Tone.BAD))
    if line.watermark is not None:
        parts.append(toned(_("watermark {}").format(line.watermark), Tone.QUIET))
    return Content("  ").join(parts)


def preview_line(preview: "EntityPreview | None", sample: "Sample | None", trouble: str) -> Content:
    """The verdict on a draft: whether it can be saved, and how many of the rows it is tried on pass."""
    if trouble:
        return toned(_("✖ no preview: {}").format(trouble), Tone.WARN)
    if preview is None or sample is None:
        return toned(_("reading rows of the source .."), Tone.QUIET)
    if preview.wrong is not None:
        return toned(_("✖ cannot be saved: {}").format(preview.wrong), Tone.BAD)
    looked = plural("tried on {n} row", "tried on {n} rows", preview.rows)
    if sample.failed:
        looked += " " + plural("({n} of them failed before)", "({n} of them failed before)", sample.failed)
    if not preview.rows:
        return toned(_("the source has no rows to try it on"), Tone.QUIET)
    if not preview.failing:
        return toned("✔ ", Tone.GOOD) + toned(f"{looked}: " + _("all pass"))
    failing = plural("✖ {n} would fail", "✖ {n} would fail", preview.failing)
    reason, rows = preview.reasons[0]
    more = toned(f"  {retold(reason)}" + (f" ×{formats.whole(rows)}" if rows > 1 else ""), Tone.QUIET)
    return toned(f"{looked}: ") + toned(failing, Tone.BAD) + more
