"""The last line of every screen: its keys, as many as the terminal has room for."""

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.events import Resize
from textual.widgets import Footer
from textual.widgets._footer import FooterKey


class KeyBar(Footer):
    """No key is cut off: those that do not fit whole are told by `?` only, which stands first."""

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)

    def compose(self) -> ComposeResult:
        room = self.app.size.width
        for key in super().compose():
            if isinstance(key, FooterKey):
                room -= cell_len(f"{key.key_display} {key.description}")
                if room < 0:
                    return
                room -= 1
            yield key

    async def on_resize(self, _event: Resize) -> None:
        await self.recompose()
