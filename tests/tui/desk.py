"""An operator's desk: the console, driven by keys alone, on a real SyncFlow with real neighbours."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

from syncflow.settings import Settings
from tests.engine.conftest import World
from tests.waiting import PATIENCE_SECONDS
from tui.app import Console
from tui.bridge import Manner
from tui.widgets.lazy_table import LazyTable

SIZE = (120, 36)


class Desk:
    """`press` types keys, `until` waits for what must come to be true, `text` is what the screen shows."""

    def __init__(self, console: Console, pilot: "Pilot[None]") -> None:
        self.console = console
        self._pilot = pilot

    @property
    def text(self) -> str:
        """The screen as it is painted, line by line."""
        width, height = self.console.size
        lines = self.console.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in lines[:height] if width)

    @property
    def said(self) -> str:
        """What the toasts say, unwrapped."""
        return "\n".join(note.message for note in self.console._notifications)

    @property
    def table(self) -> "LazyTable[Any]":
        return self.console.screen.query_one(LazyTable)

    def static(self, selector: str) -> str:
        return str(self.console.screen.query_one(selector, Static).visual)

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        names = {" ": "space", ":": "colon", "/": "slash", "!": "exclamation_mark", ".": "full_stop", ",": "comma",
                 "-": "minus", "_": "underscore", "=": "equals_sign"}  # fmt: skip
        await self._pilot.press(*(names.get(sign, sign) for sign in text))

    async def resize(self, width: int, height: int) -> None:
        await self._pilot.resize_terminal(width, height)

    async def until(self, happened: Callable[[], object], what: str = "") -> None:
        """Let the console live until this is true."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            await self._pilot.pause(0.02)
            try:
                if happened():
                    return
            except Exception:
                if time.monotonic() > end:
                    raise
            assert time.monotonic() < end, f"{what or 'it'} did not come\n{self.text}\n{self.said}"

    async def rest(self) -> None:
        """Until nothing that is read or drawn is under way."""
        await self.until(
            lambda: all(worker.is_finished or worker.group == "connect" for worker in self.console.workers)
        )
        await self._pilot.pause()

    async def sees(self, *words: str) -> None:
        """On the screen or in a toast."""
        await self.until(lambda: all(word in self.text + self.said for word in words), f"all of {words}")


@asynccontextmanager
async def desk(
    settings: Settings, manner: Manner, size: tuple[int, int] = SIZE, operator: str = "olga"
) -> AsyncIterator[Desk]:
    console = Console(settings, manner, operator)
    try:
        async with console.run_test(size=size) as pilot:
            yield Desk(console, pilot)
    finally:
        await asyncio.to_thread(console.bridge.close)


def at_the_desk(
    world: World,
    work: Callable[[Desk], Awaitable[None]],
    manner: Manner | None = None,
    size: tuple[int, int] = SIZE,
    **changed: object,
) -> None:
    """Run `work` at a desk on this world's metadata; `changed` are settings."""

    async def session() -> None:
        async with desk(world.settings.model_copy(update=changed), manner or Manner(), size) as place:
            await work(place)

    job: Coroutine[Any, Any, None] = session()
    asyncio.run(job)
