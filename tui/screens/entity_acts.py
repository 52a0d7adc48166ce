"""What can be done with entities, from their list and from the page of one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from syncflow.errors import UsageError
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.texts import told
from syncflow.model import Batch, Entity, SyncType
from tui.screens.dry_run import DryRunScreen
from tui.screens.entity_diff import DiffQuestion
from tui.screens.entity_editor import EntityEditor
from tui.screens.question import Question, TypedQuestion

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.entities import Change
    from syncflow.service.entity_diff import DiffLine

NAMED = 6
"""So many names are said in a question; of more, their number."""


def few_of(names: Sequence[str]) -> str:
    """`a, b, c …`"""
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")


class EntityActs(EntityEditor):
    """A screen from which entities are synced, dry-run, enabled, deleted and written."""

    def ask_sync(self, names: Sequence[str], sync_type: SyncType, then: Callable[[], None]) -> None:
        """One increment is begun at once; anything larger after a question. `then` is called when it is asked for."""
        if not names:
            return
        is_full = sync_type is SyncType.FULL
        if len(names) == 1 and not is_full:
            self._sync(names, sync_type, then)
            return
        if is_full:
            ask = plural("Sync {n} entity fully?", "Sync {n} entities fully?", len(names))
        else:
            ask = plural("Sync {n} entity?", "Sync {n} entities?", len(names))
        detail = _("Parents come before children; what was interrupted is gone on with.")
        if is_full:
            detail = _("The whole tables are read, whatever was synced before.") + " " + detail
        self.app.push_screen(
            Question(f"{ask} {few_of(names)}", detail), lambda yes: self._sync(names, sync_type, then) if yes else None
        )

    def _sync(self, names: Sequence[str], sync_type: SyncType, then: Callable[[], None]) -> None:
        def work(runtime: "Runtime") -> tuple[list[Batch], list[str]]:
            busy = {line.entity.name for line in runtime.batches.overview() if line.alive}
            free = [name for name in names if name not in busy]
            return runtime.batches.request(free, sync_type) if free else [], [name for name in names if name in busy]

        def tell(done: tuple[list[Batch], list[str]]) -> None:
            asked, busy = done
            then()
            if asked:
                self.notify(plural("{n} batch is asked for.", "{n} batches are asked for.", len(asked)), markup=False)
            if busy:
                self.notify(_("Already at work: {}.").format(few_of(busy)), severity="warning", markup=False)

        self.act(work, tell)

    def dry_run(self, names: Sequence[str]) -> None:
        if names:
            self.app.push_screen(DryRunScreen(tuple(names), SyncType.INCREMENTAL))

    def enable(self, entities: Sequence[Entity], *, enabled: bool, then: Callable[[], None]) -> None:
        def tell(_none: None) -> None:
            then()
            said = (
                plural("{n} entity is enabled.", "{n} entities are enabled.", len(entities))
                if enabled
                else plural(
                    "{n} entity is disabled: schedules and a sync of all leave it out.",
                    "{n} entities are disabled: schedules and a sync of all leave them out.",
                    len(entities),
                )
            )
            self.notify(said, markup=False)

        self.act(lambda runtime: runtime.entities.enable(entities, enabled=enabled), tell)

    def ask_delete(self, names: Sequence[str], then: Callable[[list[str]], None]) -> None:
        """`then` is given those that were deleted. One asks for its name, several for their number."""
        if not names:
            return
        ask = plural("Delete {n} entity?", "Delete {n} entities?", len(names)) + f" {few_of(names)}"
        detail = _("How far they were synced is forgotten. Their tables in ScheduleHub stay as they are.")
        expected = names[0] if len(names) == 1 else str(len(names))
        detail += " " + _("To delete, type: {}").format(expected)
        self.app.push_screen(
            TypedQuestion(ask, detail, expected), lambda typed: self._delete(names, then) if typed else None
        )

    def _delete(self, names: Sequence[str], then: Callable[[list[str]], None]) -> None:
        def work(runtime: "Runtime") -> tuple[list[str], str]:
            """Children go before their parents; the first refusal ends it."""
            order = [entity.name for entity in reversed(runtime.entities.all()) if entity.name in names]
            deleted: list[str] = []
            for name in order:
                try:
                    runtime.entities.delete(name)
                except UsageError as error:
                    return deleted, told(error)
                deleted.append(name)
            return deleted, ""

        def tell(done: tuple[list[str], str]) -> None:
            deleted, refusal = done
            then(deleted)
            if deleted:
                said = plural("{n} entity is deleted.", "{n} entities are deleted.", len(deleted))
                self.notify(said, markup=False)
            if refusal:
                self.notify(refusal, severity="error", timeout=10, markup=False)

        self.act(work, tell)

    def offer(self, changes: "Sequence[Change]", then: Callable[[], None]) -> None:
        """Show what would be written, and write it when that is wanted; `then` is called when it was."""

        def work(_runtime: "Runtime") -> "list[tuple[str, Sequence[DiffLine]]]":
            from syncflow.service.entity_diff import differences  # heavy, and this is a thread

            return [
                (change.after.name, differences(change.before, change.after, schedules=change.schedules))
                for change in changes
            ]

        def ask(lines: "list[tuple[str, Sequence[DiffLine]]]") -> None:
            said = plural("Save this change of {n} entity?", "Save these changes of {n} entities?", len(changes))
            said = f"{said} {few_of([change.after.name for change in changes])}"
            self.app.push_screen(DiffQuestion(said, lines), lambda yes: self._write(changes, then) if yes else None)

        self.read(work, ask, group="offer")

    def _write(self, changes: "Sequence[Change]", then: Callable[[], None]) -> None:
        def tell(_none: None) -> None:
            then()
            self.notify(plural("{n} entity is saved.", "{n} entities are saved.", len(changes)), markup=False)

        self.act(lambda runtime: runtime.entities.change_all(changes), tell)
