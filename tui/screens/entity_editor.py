"""Entities as YAML in the operator's own editor. What was typed is never lost: it stays in a file until it is saved."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncflow.errors import SyncFlowError, UnavailableError
from syncflow.i18n.catalog import _
from syncflow.i18n.texts import told
from syncflow.model import Entity
from tui.editor import edit as run_editor
from tui.editor import write_privately
from tui.screens.place import Place
from tui.screens.question import Question

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.entities import Change


@dataclass(frozen=True)
class _Edit:
    """`shown` are written into the file at the beginning; `known` are the same as they were read."""

    shown: Sequence[Entity]
    known: Sequence[Entity]
    file: Path
    then: "Callable[[Sequence[Change], Path], None]"


class EntityEditor(Place):
    """A screen from which entities can be edited as text. What an edit comes to is handed to the callable that asked
    for it; the file is removed with `edit_is_over`."""

    def edit_as_yaml(
        self, shown: Sequence[Entity], known: Sequence[Entity], then: "Callable[[Sequence[Change], Path], None]"
    ) -> None:
        """`shown` is what is edited, `known` what is stored of it as it was read; `then` is given what a text that can
        be read would change, and its file."""
        refused = self.console.bridge.may_act()
        if refused is not None:
            self.notify(told(refused), severity="warning", markup=False)
            return
        edit = _Edit(shown, known, self._file(shown), then)
        if not edit.file.exists():
            self._begin(edit)
            return
        ask = _("A text that was not saved is there from before. Go on with it?")
        self.app.push_screen(
            Question(ask, _("With n, it is thrown away and the editing begins anew.")),
            lambda yes: self._open(edit) if yes else self._begin(edit) if yes is False else None,
        )

    def _file(self, entities: Sequence[Entity]) -> Path:
        name = entities[0].name if len(entities) == 1 else f"{len(entities)}-entities"
        safe = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in name)
        return self.console.settings.state_dir / "console" / f"edited-{safe}.yaml"

    def _begin(self, edit: _Edit) -> None:
        def write(_runtime: "Runtime") -> str | None:
            from syncflow.service.entity_yaml import write_entities  # heavy, and this is a thread

            try:
                write_privately(edit.file, write_entities(edit.shown))
            except OSError as error:
                return _("{} cannot be written: {}.").format(edit.file, error.strerror)
            return None

        self.read(write, lambda refusal: self._open(edit) if refusal is None else self._refuse(refusal), group="editor")

    def _refuse(self, refusal: str) -> None:
        self.notify(refusal, severity="error", markup=False)

    def _open(self, edit: _Edit) -> None:
        try:
            run_editor(self.app, edit.file)
        except UnavailableError as error:
            self._refuse(told(error))
            return
        self.read(lambda runtime: _judged(runtime, edit), lambda told: self._judged_as(told, edit), group="editor")

    def _judged_as(self, told: "Sequence[Change] | str", edit: _Edit) -> None:
        if isinstance(told, str):
            kept = _("y edits again · with n, the text is kept in {} for the next time.").format(edit.file)
            again = Question(f"✖ {told}", kept)
            self.app.push_screen(again, lambda yes: self._open(edit) if yes else None)
            return
        different = [change for change in told if change.after != change.before]
        if different:
            edit.then(different, edit.file)
        else:
            self.edit_is_over(edit.file)
            self.notify(_("Nothing was changed."), markup=False)

    def edit_is_over(self, file: Path) -> None:
        file.unlink(missing_ok=True)


def _judged(runtime: "Runtime", edit: _Edit) -> "Sequence[Change] | str":
    """What the text would change; or what is wrong with it, and where."""
    file = edit.file
    try:
        return runtime.entities.read_yaml(file.read_text(encoding="utf-8"), file.name, edit.known)
    except UnicodeDecodeError as error:
        return _("{} is not UTF-8 text (byte {}).").format(file.name, error.start)
    except OSError as error:
        return _("{} cannot be read: {}.").format(file, error.strerror)
    except SyncFlowError as error:
        return told(error)
