"""Terminal emulators with real letters on a screen that nobody sees: what they paint is photographed."""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

FONT = "DejaVu Sans Mono"
"""It has the joined forms of Persian letters."""
COLUMNS, ROWS = 120, 36
BLOCKS = 4
_SIZE = (1600, 1000)
_VTE = f"""
import os, sys
import gi
gi.require_version("Gtk", "3.0"); gi.require_version("Vte", "2.91")
from gi.repository import GLib, Gtk, Pango, Vte
Gtk.Settings.get_default().set_property("gtk-xft-antialias", 0)
style = Gtk.CssProvider()
style.load_from_data(b"vte-terminal {{ padding: 0 }}")
terminal = Vte.Terminal(cursor_blink_mode=Vte.CursorBlinkMode.OFF)
terminal.get_style_context().add_provider(style, 800)
terminal.set_font(Pango.FontDescription("{FONT} 9"))
terminal.set_size({COLUMNS}, {ROWS})
window = Gtk.Window()
window.add(terminal)
told = [f"{{name}}={{value}}" for name, value in {{**os.environ, "TERM": "xterm-256color"}}.items()]
terminal.spawn_async(0, None, sys.argv[1:], told, GLib.SpawnFlags.DEFAULT, None, None, -1, None, None)
window.show_all()
Gtk.main()
"""
_XTERM = (
    "xterm", "-u8", "-fa", f"{FONT}:antialias=false", "-fs", "9", "-b", "0", "-bw", "0", "+sb", "-uc",
    "-geometry", f"{COLUMNS}x{ROWS}+0+0",
)  # fmt: skip
_SYSTEMS_PYTHON = "/usr/bin/python3"
Ink = NDArray[np.bool_]
"""Of each dot, whether it is of a letter."""


def missing(name: str) -> str | None:
    """What this machine lacks for photographs of that emulator."""
    if lacking := [tool for tool in ("Xvfb", "fc-match") if shutil.which(tool) is None]:
        return f"{lacking[0]} is not installed"
    if FONT not in subprocess.run(["fc-match", FONT], capture_output=True, text=True, check=False).stdout:
        return f"the font {FONT} is not installed"
    if name == "xterm":
        return None if shutil.which(name) else "xterm is not installed"
    vte = "import gi; gi.require_version('Gtk', '3.0'); gi.require_version('Vte', '2.91')"
    if (
        not Path(_SYSTEMS_PYTHON).exists()
        or subprocess.run([_SYSTEMS_PYTHON, "-c", vte], capture_output=True).returncode
    ):
        return "VTE 2.91 for GTK 3 and its Python binding are not installed"
    return None


class Emulator:
    """One that runs a command, and is photographed."""

    def __init__(self, process: "subprocess.Popen[bytes]", screen: Path) -> None:
        self._process = process
        self._screen = screen

    def line(self, number: int, height: int) -> Ink:
        """The ink of a line, whatever its colours: each dot that is unlike the uppermost one of its column."""
        dots = self._photograph()[number * height : (number + 1) * height]
        return np.asarray(dots != dots[0])

    @property
    def height(self) -> int:
        """Of a line, in dots, where the first column begins with a full block on each of `BLOCKS` lines."""
        column = self._photograph()[:, 0]
        return int(np.argmin(column == column[0])) // BLOCKS

    def _photograph(self) -> NDArray[np.uint32]:
        data = self._screen.read_bytes()
        words = struct.unpack(">25I", data[:100])
        width, height, is_little, line_bytes, colours = words[4], words[5], words[7] == 0, words[12], words[19]
        dots = np.frombuffer(data, "<u4" if is_little else ">u4", height * line_bytes // 4, words[0] + 12 * colours)
        return dots.reshape(height, -1)[:, :width] & 0xFFFFFF

    @property
    def deepest(self) -> int:
        """The process that no other one stands below."""
        found = self._process.pid
        while below := Path(f"/proc/{found}/task/{found}/children").read_text().split():
            found = int(below[0])
        return found


@contextmanager
def emulator(name: str, script: str, folder: Path, environment: Mapping[str, str]) -> Iterator[Emulator]:
    """`script` is of a shell."""
    folder.mkdir()
    ready, told = os.pipe()
    size = "x".join(map(str, (*_SIZE, 24)))
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(told), "-screen", "0", size, "-nolisten", "tcp", "-fbdir", str(folder)],
        pass_fds=(told,), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(told)
    opened = None
    try:
        display = os.read(ready, 20).decode().strip()
        if not display:
            pytest.skip("Xvfb does not start here")
        command = ["sh", "-c", script]
        full = [*_XTERM, "-e", *command] if name == "xterm" else [_SYSTEMS_PYTHON, "-c", _VTE, *command]
        known = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "WAYLAND"))}
        told_all = {**known, "DISPLAY": f":{display}", "LC_ALL": "C.UTF-8", "GDK_BACKEND": "x11", **environment}
        opened = subprocess.Popen(full, env=told_all, stderr=subprocess.DEVNULL)
        yield Emulator(opened, folder / "Xvfb_screen0")
    finally:
        os.close(ready)
        for process in (opened, server):
            if process is not None:
                process.terminate()
                process.wait()
