"""The first lines of every screen: which database, which environment, who, how; and the way to the other screens."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from syncflow.i18n.catalog import _, plural
from tui.marks import Tone, toned

_SHORTEST = 4
_ENOUGH = 16
"""Cells of a database's name by which it is known."""


@dataclass(frozen=True)
class Standing:
    """What the header says. `parts` are a name and its state each; `environment` is APP_ENV."""

    database: str = ""
    environment: str = ""
    operator: str = ""
    manner: str = ""
    parts: tuple[tuple[str, Tone], ...] = field(default=())


class Header(Vertical):
    """Two lines: where one is at work, and where one is in the console."""

    DEFAULT_CSS = """
    Header { height: 2; background: $panel; }
    Header > Static { height: 1; width: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Header > #way { background: $surface; }
    """

    standing: reactive[Standing] = reactive(Standing())
    way: reactive[tuple[str, ...]] = reactive(())

    def __init__(self, places: Sequence[tuple[str, str]], here: str) -> None:
        """`places` are (key, title) of the screens, `here` the title of the present one."""
        super().__init__()
        self._places = places
        self._here = here

    def compose(self) -> ComposeResult:
        yield Static(id="standing")
        yield Static(id="way")

    def watch_standing(self) -> None:
        if self.is_mounted:
            self.query_one("#standing", Static).update(self._standing_line())

    def watch_way(self) -> None:
        if self.is_mounted:
            self.query_one("#way", Static).update(self._way_line())

    def speak(self) -> None:
        self.watch_way()

    def on_mount(self) -> None:
        self.watch_standing()
        self.watch_way()

    def on_resize(self) -> None:
        self.watch_standing()
        self.watch_way()

    def _standing_line(self) -> Content:
        now = self.standing
        if now.environment == "production":
            environment = Content.styled(" PRODUCTION ", "bold $background on $error")
        else:
            environment = toned(now.environment, Tone.QUIET)
        who = toned(f"{now.operator} · {now.manner}", Tone.QUIET)
        pieces = [Content.styled("SyncFlow", "bold $primary"), environment, who]
        taken = Content("  ").join(pieces).cell_length
        wanted = taken + 2 + min(toned(now.database).cell_length, _ENOUGH)
        state = _side_by_side(now.parts)
        if wanted + 1 + state.cell_length > self.size.width - 2:
            state = _side_by_side(_gathered(now.parts))
        room = max(self.size.width - 2 - state.cell_length, 1)
        if now.database:
            left = room - 1 - taken - 2
            pieces.insert(2, toned(now.database).truncate(max(left, _SHORTEST), ellipsis=True))
        shown = Content("  ").join(pieces).truncate(room - 1, ellipsis=True)
        return shown + Content(" " * (room - shown.cell_length)) + state

    def _way_line(self) -> Content:
        if len(self.way) > 1:
            steps = [toned(step, Tone.QUIET) for step in self.way[:-1]]
            return Content(" › ").join([*steps, Content.styled(self.way[-1], "bold")])
        names = _fitted([_(title) for _key, title in self._places], self._place(), self._room())
        pieces = []
        for (key, title), name in zip(self._places, names, strict=True):
            if title == self._here:
                pieces.append(Content.styled(f"{key} {name}", "bold $accent reverse"))
            else:
                pieces.append(Content.styled(key, "$text-accent") + Content(f" {name}"))
        return Content(" ").join(pieces)

    def _place(self) -> int:
        return next((place for place, (_key, title) in enumerate(self._places) if title == self._here), -1)

    def _room(self) -> int:
        """What is left for the names of the places, beside keys and blanks."""
        return self.size.width - 2 - sum(len(key) + 2 for key, _title in self._places)


def _side_by_side(parts: Sequence[tuple[str, Tone]]) -> Content:
    return Content(" ").join([toned(text, tone) for text, tone in parts])


def _gathered(parts: Sequence[tuple[str, Tone]]) -> list[tuple[str, Tone]]:
    """Where there is no room for all of them: what is not well by its name, the others by their number."""
    others = [part for part in parts if part[1] is not Tone.GOOD]
    well = len(parts) - len(others)
    return [*others, (plural("● {n} well", "● {n} well", well), Tone.GOOD)] if well else others


def _fitted(names: Sequence[str], whole: int, room: int) -> list[str]:
    """The names, the longest of them cut as far as is needed; the one at `whole` is left as it is."""
    fitted = list(names)
    while sum(map(cell_len, fitted)) > room:
        others = [place for place in range(len(fitted)) if place != whole]
        longest = max(others, key=lambda place: cell_len(fitted[place]))
        if cell_len(fitted[longest]) <= _SHORTEST:
            break
        fitted[longest] = f"{fitted[longest].removesuffix('…')[:-1]}…"
    return fitted
