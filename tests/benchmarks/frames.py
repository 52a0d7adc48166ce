"""What painting from right to left costs: the same screen in English and in Persian, by turns, in one process.

    python -m tests.benchmarks.frames [--turns 40]

A full frame of 200x50 cells, every line of it made anew, and one of a table that was scrolled by a line. Says the
medians, and what a frame costs whose lines were never seen before; fails when Persian costs more than 1.4 (full) or 1.5
(scrolled) of English.
"""

import argparse
import asyncio
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from textual._compositor import CompositorUpdate
from textual._context import active_app
from textual.app import ComposeResult
from textual.widgets import Footer, Static

from tests.tui.i18n.desks import COLUMNS, ENGLISH_COLUMNS, records
from tests.tui.i18n.persian import speaking
from tui.direction import Directed
from tui.rtl import line
from tui.widgets.lazy_table import LazyTable
from tui.widgets.rows import Column, RowList

SIZE = (200, 50)
MOST = {"full": 1.4, "scrolled": 1.5}


class Screenful(Directed):
    """Two lines above a table, and the keys below."""

    CSS = "LazyTable { height: 1fr; } Static { height: 1; }"

    def __init__(self, columns: Sequence[Column], above: str) -> None:  # type: ignore[type-arg]
        super().__init__()
        self._columns = columns
        self._above = above

    def compose(self) -> ComposeResult:
        yield Static(self._above)
        yield Static(f"1 {self._above}  2 {self._above}")
        yield LazyTable(self._columns, lambda record: record.number, id="table")
        yield Footer()

    def on_mount(self) -> None:
        self.turn_as("auto")
        rows = RowList(records(20_000), lambda record: record.number)
        self.query_one(LazyTable).read(lambda: rows)


def full(app: Screenful) -> float:
    """Seconds for one frame: from the widgets, all of whose lines are made anew, to what the terminal is sent."""
    for widget in app.screen._compositor.visible_widgets:
        widget._styles_cache.clear()
    return _painted(app, everything=True)


def scrolled(app: Screenful) -> float:
    """Seconds for the frame after the table went on by a line."""
    table = app.query_one(LazyTable)
    table.scroll_to(y=table.scroll_offset.y + 1, animate=False, force=True, immediate=True)
    app.screen._compositor.update_widgets({table})
    return _painted(app, everything=False)


def cold(app: Screenful) -> float:
    """Seconds for a full frame of lines that were never seen before."""
    line.ordered.cache_clear()
    line._text.cache_clear()
    return full(app)


def _painted(app: Screenful, *, everything: bool) -> float:
    begin = time.perf_counter()
    update = app.screen._compositor.render_update(full=everything)
    assert isinstance(update, CompositorUpdate), "nothing was to be painted"
    update.render_segments(app.console)
    return time.perf_counter() - begin


async def measure(turns: int) -> dict[str, tuple[float, float]]:
    """The medians in English and in Persian of each kind of frame, in seconds."""
    kinds: dict[str, Callable[[Screenful], float]] = {"full": full, "scrolled": scrolled, "cold": cold}
    async with AsyncExitStack() as stack:
        english = await _open(stack, Screenful(ENGLISH_COLUMNS, "The batch of the night has ended"))
        stack.enter_context(speaking("fa"))
        persian = await _open(stack, Screenful(COLUMNS, "دسته شبانه پایان یافت"))
        assert persian.runs_left
        assert not english.runs_left
        return {kind: _by_turns(paint, english, persian, turns) for kind, paint in kinds.items()}


async def _open(stack: AsyncExitStack, app: Screenful) -> Screenful:
    pilot = await stack.enter_async_context(app.run_test(size=SIZE))
    while app.query_one(LazyTable).row is None:
        await pilot.pause(0.02)
    await pilot.pause(0.1)
    return app


def _by_turns(paint: Callable[[Screenful], float], one: Screenful, other: Screenful, turns: int) -> tuple[float, float]:
    """Each painted as often as the other, one after the other, so that both meet the same machine."""
    found: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    gc.disable()
    try:
        for turn in range(turns + 3):
            for app, times in ((one, found[0]), (other, found[1])):
                token = active_app.set(app)
                seconds = paint(app)
                active_app.reset(token)
                if turn >= 3:
                    times.append(seconds)
    finally:
        gc.enable()
    return statistics.median(found[0]), statistics.median(found[1])


def main() -> int:
    wanted = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    wanted.add_argument("--turns", type=int, default=40)
    found = asyncio.run(measure(wanted.parse_args().turns))
    for kind, (english, persian) in found.items():
        print(
            f"{kind:<9} English {english * 1000:6.2f} ms   Persian {persian * 1000:6.2f} ms   {persian / english:.2f}"
        )
    return int(any(found[kind][1] > most * found[kind][0] for kind, most in MOST.items()))


if __name__ == "__main__":
    sys.exit(main())
