"""What can be done with schedules, from their list and from the page of one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from syncflow.errors import UsageError
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.texts import told
from syncflow.model import Batch
from tui.screens.entity_acts import few_of
from tui.screens.place import Place
from tui.screens.question import Question, TypedQuestion

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.schedules import BackgroundSchedule


class ScheduleActs(Place):
    """A screen from which schedules are paused, resumed, run at once, changed and removed."""

    def pause_or_resume(self, schedules: "Sequence[BackgroundSchedule]", then: Callable[[], None]) -> None:
        """Resume those that are paused when all of them are; otherwise pause the others."""
        if not schedules:
            return
        pause = not all(schedule.paused for schedule in schedules)
        names = [schedule.entity for schedule in schedules if schedule.paused is not pause]

        def work(runtime: "Runtime") -> tuple[list[str], list[str]]:
            """Those that are done, and what was said of the others."""
            done, refused = [], []
            for name in names:
                try:
                    if pause:
                        runtime.schedules.pause(name)
                    else:
                        runtime.schedules.resume(name)
                    done.append(name)
                except UsageError as error:
                    refused.append(told(error))
            return done, refused

        def tell(came: tuple[list[str], list[str]]) -> None:
            done, refused = came
            then()
            if done and pause:
                said = plural("{n} schedule is paused: {names}.", "{n} schedules are paused: {names}.", len(done),
                              names=few_of(done))  # fmt: skip
                self.notify(said, markup=False)
            elif done:
                said = plural("{n} schedule goes on: {names}.", "{n} schedules go on: {names}.", len(done),
                              names=few_of(done))  # fmt: skip
                self.notify(said, markup=False)
            for error in refused:
                self.notify(error, severity="warning", timeout=10, markup=False)

        self.act(work, tell)

    def ask_run_now(self, name: str) -> None:
        ask = _("Go on with {entity} now?").format(entity=name)
        detail = _(
            "While its window is open, tonight's part goes on. Outside of it the next part is done at once, whatever "
            "the hour, and no window ends it: the source feels that."
        )
        self.app.push_screen(Question(ask, detail), lambda yes: self._run_now(name) if yes else None)

    def _run_now(self, name: str) -> None:
        def tell(batch: Batch) -> None:
            self.notify(_("{entity} goes on with batch {batch}.").format(entity=name, batch=str(batch.uid)[:13]),
                        markup=False)  # fmt: skip

        self.act(lambda runtime: runtime.schedules.run_now(name), tell)

    def ask_remove(self, schedule: "BackgroundSchedule", then: Callable[[], None]) -> None:
        ask = _("Remove the schedule of {entity}?").format(entity=schedule.entity)
        detail = _(
            "How far its cycle is, and what its nights have measured, is forgotten; what is loaded stays. To remove "
            "it, type: {entity}"
        ).format(entity=schedule.entity)

        def tell(_none: None) -> None:
            then()
            self.notify(_("{entity} has no schedule any more.").format(entity=schedule.entity), markup=False)

        def remove(typed: str | None) -> None:
            if typed is not None:
                self.act(lambda runtime: runtime.schedules.remove(schedule), tell)

        self.app.push_screen(TypedQuestion(ask, detail, schedule.entity), remove)

    def edit_terms(self, name: str) -> None:
        from tui.screens.schedule_terms import ScheduleTermsScreen

        def show(before: "BackgroundSchedule | None") -> None:
            self.app.push_screen(ScheduleTermsScreen(name, before))

        self.read(lambda runtime: runtime.schedules.find(name), show, group="terms")

    def ask_cadence(self, name: str, now: str) -> None:
        """How often a small entity is synced by itself."""
        ask = _("How often is {entity} to be synced?").format(entity=name)
        detail = _("An interval such as `every 15 min`, or a cron line such as `30 5 * * MON-FRI`. It is now: {now}")
        self.app.push_screen(
            TypedQuestion(ask, detail.format(now=now)), lambda typed: self._keep_cadence(name, typed) if typed else None
        )

    def _keep_cadence(self, name: str, text: str) -> None:
        def work(runtime: "Runtime") -> None:
            from dataclasses import replace

            entity = runtime.entities.get(name)
            if entity.sync_schedule == text:
                raise UsageError(_("{entity} is synced so already.").format(entity=name))
            runtime.entities.change(entity, replace(entity, sync_schedule=text))

        self.act(work, lambda _none: self.notify(_("{entity}: {text}").format(entity=name, text=text), markup=False))
