"""What can be done with schedules, from their list and from the page of one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from syncflow.errors import SyncFlowError, UsageError
from syncflow.i18n.catalog import _, plural
from syncflow.i18n.texts import told
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
        pause = not all(schedule.paused for schedule in schedules)
        chosen = [schedule for schedule in schedules if schedule.paused is not pause]

        def change(runtime: "Runtime", schedule: "BackgroundSchedule") -> object:
            act = runtime.schedules.pause if pause else runtime.schedules.resume
            return act(schedule.entity)

        def say(done: int, names: str) -> str:
            if pause:
                return plural("{n} schedule is paused: {names}.", "{n} schedules are paused: {names}.", done,
                              names=names)  # fmt: skip
            return plural("{n} schedule goes on: {names}.", "{n} schedules go on: {names}.", done, names=names)

        self._each(chosen, change, say, then)

    def enable_or_disable(self, schedules: "Sequence[BackgroundSchedule]", then: Callable[[], None]) -> None:
        """Enable those that are disabled when all of them are; otherwise disable the others."""
        enable = not any(schedule.enabled for schedule in schedules)
        chosen = [schedule for schedule in schedules if schedule.enabled is not enable]

        def change(runtime: "Runtime", schedule: "BackgroundSchedule") -> object:
            from syncflow.service.schedules import GivenTerms  # heavy, and this is a thread

            return runtime.schedules.update(schedule, GivenTerms(enabled=enable))

        def say(done: int, names: str) -> str:
            if enable:
                return plural("{n} schedule is enabled: {names}.", "{n} schedules are enabled: {names}.", done,
                              names=names)  # fmt: skip
            return plural("{n} schedule is disabled: {names}.", "{n} schedules are disabled: {names}.", done,
                          names=names)  # fmt: skip

        self._each(chosen, change, say, then)

    def ask_run_now(self, schedules: "Sequence[BackgroundSchedule]", then: Callable[[], None]) -> None:
        """Go on with their cycles at once, after a question."""
        ask = plural("Go on with {names} now?", "Go on with {n} tables now: {names}?", len(schedules),
                     names=few_of([schedule.entity for schedule in schedules]))  # fmt: skip
        detail = _(
            "While its window is open, tonight's part goes on. Outside of it the next part is done at once, whatever "
            "the hour, and no window ends it: the source feels that."
        )

        def change(runtime: "Runtime", schedule: "BackgroundSchedule") -> object:
            return runtime.schedules.run_now(schedule.entity)

        def say(done: int, names: str) -> str:
            return plural("{n} cycle goes on: {names}.", "{n} cycles go on: {names}.", done, names=names)

        question = Question(ask, detail)
        self.app.push_screen(question, lambda yes: self._each(schedules, change, say, then) if yes else None)

    def _each(
        self,
        schedules: "Sequence[BackgroundSchedule]",
        change: "Callable[[Runtime, BackgroundSchedule], object]",
        say: Callable[[int, str], str],
        then: Callable[[], None],
    ) -> None:
        """Change one after the other; what is refused for one does not keep the others. `say` is given how many were
        changed, and their names."""

        def work(runtime: "Runtime") -> tuple[list[str], list[str]]:
            """Those that are done, and what was said of the others."""
            done, refused = [], []
            for schedule in schedules:
                try:
                    change(runtime, schedule)
                    done.append(schedule.entity)
                except SyncFlowError as error:
                    refused.append(told(error))
            return done, refused

        def tell(came: tuple[list[str], list[str]]) -> None:
            done, refused = came
            then()
            if done:
                self.notify(say(len(done), few_of(done)), markup=False)
            for error in refused:
                self.notify(error, severity="warning", timeout=10, markup=False)

        if schedules:
            self.act(work, tell)

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
