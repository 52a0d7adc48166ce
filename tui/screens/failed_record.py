"""One failed record: as the source sent it, how far it came, why it failed; and the edit of its raw values."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, ClassVar
from uuid import UUID

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Label, Static

from syncflow.errors import UnavailableError, UsageError
from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from syncflow.i18n.texts import retold, told
from tui.editor import edit, write_privately
from tui.marks import Tone, named, toned
from tui.plain import fitted
from tui.screens.place import Place
from tui.screens.question import Question, TypedQuestion
from tui.screens.retried import RetriedScreen
from tui.widgets.field import Field

if TYPE_CHECKING:
    from syncflow.service.failed_records import FailedDetail, RetryResult

_NULL = "NULL"


class FailedRecordScreen(Place):
    TITLE_WORD = N_("record")
    ABOUT = N_(
        "A failed record: the row as the source sent it, as the stages read it, and as it would be loaded. E edits its "
        "raw values: ctrl+s shows what changes and tries it. An edit that passes holds for as long as the source sends "
        "the same row; one that fails changes nothing."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "edit", N_("Edit"), id="record.edit"),
        Binding("t", "retry", N_("Retry"), id="record.retry"),
        Binding("i", "ignore", N_("Leave out"), id="record.ignore"),
        Binding("e", "explain", N_("Explain"), id="record.explain"),
        Binding("s", "trace", N_("Stack trace"), show=False, id="record.trace"),
        Binding("y", "copy", N_("Copy the row as JSON"), show=False, id="record.copy"),
        Binding("ctrl+s", "send", N_("Try the edit"), id="record.send"),
        Binding("ctrl+o", "editor", N_("Edit in $EDITOR"), show=False, id="record.editor"),
    ]
    DEFAULT_CSS = """
    FailedRecordScreen #head { height: auto; padding: 1 1 0 1; }
    FailedRecordScreen #values { height: 1fr; padding: 1 1 0 1; }
    FailedRecordScreen #values Static { height: auto; }
    FailedRecordScreen .line { height: 1; }
    FailedRecordScreen .line Label { width: 24; color: $text-muted; }
    FailedRecordScreen .line.fault Label { color: $text-error; text-style: bold; }
    FailedRecordScreen .line Input { width: 1fr; border: none; height: 1; padding: 0 1; background: $surface; }
    FailedRecordScreen .line Input:focus { background: $panel; }
    """

    def __init__(self, uid: UUID) -> None:
        super().__init__()
        self._uid = uid
        self._record: FailedDetail | None = None
        self._edits = False

    @property
    def title_text(self) -> str:
        return f"{super().title_text} {str(self._uid)[:13]}"

    def body(self) -> ComposeResult:
        yield Static(id="head")
        yield VerticalScroll(id="values")

    def on_mount(self) -> None:
        self.query_one("#values").focus()

    def focus_body(self) -> None:
        self.query_one("#values").focus()

    def load(self) -> None:
        self.read(lambda runtime: runtime.failed_records.get(str(self._uid)), self._take)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """What works only while the values are edited, and what only while they are not."""
        if action in ("send", "editor"):
            return self._edits
        if action in ("edit", "retry", "ignore", "explain", "trace", "copy"):
            return not self._edits
        return True

    def _take(self, record: "FailedDetail") -> None:
        self.console.trouble_is_over()
        self._record = record
        self.query_one("#head", Static).update(_head(record))
        if not self._edits:
            self._show_values(record)

    def _show_values(self, record: "FailedDetail") -> None:
        values = self.query_one("#values", VerticalScroll)
        values.remove_children()
        values.mount(Static(_side_by_side(record, self.size.width - 4)))

    def action_edit(self) -> None:
        record = self._record
        if record is None:
            return
        if record.resolved_at is not None:
            self.notify(_("This record is closed already ({}).").format(named(str(record.resolution))), markup=False)
            return
        self._edits = True
        self.refresh_bindings()
        self._show_form({name: _text(value) for name, value in record.raw_data.items() if not name.startswith("@")})

    def _show_form(self, row: Mapping[str, str | None]) -> None:
        """The failing field first."""
        record = self._record
        fault = _fault(record) if record is not None else None
        names = sorted(row, key=lambda name: name != fault)
        values = self.query_one("#values", VerticalScroll)
        values.remove_children()
        lines = []
        for name in names:
            value = row[name]
            field = Field(value or "", placeholder=_NULL if value is None else "", name=name, compact=True)
            line = Horizontal(Label(toned(name)), field, classes="line")
            line.set_class(name == fault, "fault")
            lines.append(line)
        hint = _(
            "Empty is NULL. ctrl+s shows what changes and tries it, ctrl+o opens $EDITOR, Esc leaves all as it is."
        )
        values.mount(Static(toned(hint, Tone.QUIET)), *lines)
        if lines:
            self.call_after_refresh(lambda: lines[0].query_one(Field).focus())

    def _edited(self) -> dict[str, str | None]:
        """The columns whose value is another now."""
        record = self._record
        if record is None:
            return {}
        now = {str(field.name): field.value or None for field in self.query("#values Field").results(Field)}
        return {name: value for name, value in now.items() if (_text(record.raw_data.get(name)) or None) != value}

    def action_back(self) -> None:
        if self._edits and self._record is not None:
            self._leave_edit(self._record)
        else:
            super().action_back()

    def _leave_edit(self, record: "FailedDetail") -> None:
        self._edits = False
        self.refresh_bindings()
        self._show_values(record)
        self.focus_body()

    def action_send(self) -> None:
        record, edited = self._record, self._edited()
        if record is None:
            return
        if not edited:
            self.notify(_("Nothing was changed yet."), markup=False)
            return
        diff = "\n".join(
            f"{name}: {_shown(_text(record.raw_data.get(name)))} → {_shown(value)}" for name, value in edited.items()
        )
        self.app.push_screen(
            Question(_("Try the row with these values?"), diff), lambda yes: self._send(edited) if yes else None
        )

    def _send(self, edited: Mapping[str, str | None]) -> None:
        uid = str(self._uid)
        self.act(lambda runtime: runtime.failed_records.edit(uid, edited), self._sent)

    def _sent(self, result: "RetryResult") -> None:
        failed = [retold(again.message) for each in result.retried for again in each.tally.failures]
        if failed:
            said = _("It still fails, and nothing has changed: {}").format(failed[0])
            self.notify(said, severity="warning", timeout=12, markup=False)
            return
        self.notify(_("✔ It passed. The edit holds while the source sends the same row."), markup=False)
        self._edits = False
        self.refresh_bindings()
        self.load()
        self.focus_body()

    def action_editor(self) -> None:
        """The raw row as JSON in $EDITOR, again for as long as it is no JSON and the text changes; the fault stands
        above the text."""
        record = self._record
        if record is None:
            return
        row = {name: value for name, value in record.raw_data.items() if not name.startswith("@")} | self._edited()
        text = json.dumps(row, ensure_ascii=False, indent=2)
        while True:
            try:
                given = _without_comments(self._in_editor(text))
            except UnavailableError as error:
                self.notify(told(error), severity="error", timeout=10, markup=False)
                return
            try:
                self._show_form(_row_of(given, row))
                return
            except UsageError as error:
                again = f"// {told(error)}\n{given}"
                if again == text:
                    self.notify(told(error), severity="error", timeout=15, markup=False)
                    return
                text = again

    def _in_editor(self, text: str) -> str:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "row.json"
            write_privately(file, text)
            edit(self.app, file)
            return file.read_text(encoding="utf-8", errors="replace")

    def action_retry(self) -> None:
        uid = str(self._uid)
        self.act(
            lambda runtime: runtime.failed_records.retry(runtime.failed_records.named([uid])),
            self._retried,
        )

    def _retried(self, result: "RetryResult") -> None:
        self.app.push_screen(RetriedScreen(result))

    def action_ignore(self) -> None:
        then = _("It is counted as ignored for as long as the source sends it as it is. Say why:")
        self.app.push_screen(
            TypedQuestion(_("Leave this row out?"), then), lambda reason: self._ignore(reason) if reason else None
        )

    def _ignore(self, reason: str) -> None:
        uid = str(self._uid)
        self.act(lambda runtime: runtime.failed_records.ignore(runtime.failed_records.named([uid]), reason))

    def action_explain(self) -> None:
        if self._record is not None:
            self.console.explain_queued(self._record.entity_name, failed=str(self._uid))

    def action_trace(self) -> None:
        trace = None if self._record is None else self._record.stack_trace
        none = _("There is no stack trace: no program broke down here, the value was refused.")
        self.notify(trace or none, markup=False)

    def action_copy(self) -> None:
        if self._record is not None:
            self.app.copy_to_clipboard(json.dumps(self._record.raw_data, ensure_ascii=False, default=str))
            self.notify(_("Sent to the terminal."), markup=False)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _shown(value: str | None) -> str:
    return _NULL if value is None else repr(value)


def _fault(record: "FailedDetail") -> str | None:
    """The raw column at fault: up to stage 5 a field is named by its source name, later by its target name."""
    if record.field is None or record.field in record.raw_data:
        return record.field
    return next((name for name in record.raw_data if name.lower() == record.field.lower()), None)


def _head(record: "FailedDetail") -> Content:
    when = _("{stage} · first {first} · batch {batch}").format(
        stage=record.stage_failed, first=formats.moment(record.created_at), batch=str(record.batch_uid)[:13]
    )
    lines = [
        toned(
            f"✖ {record.entity_name}: {retold(record.error_message)}",
            Tone.BAD if record.resolution is None else Tone.QUIET,
        ),
        toned(when, Tone.QUIET),
        toned(_next_step(record), Tone.GOOD if record.resolution else Tone.WARN),
    ]
    return Content("\n").join(lines)


def _next_step(record: "FailedDetail") -> str:
    if record.resolution is not None:
        said = _("✔ closed: {resolution}, by {who}, {when}").format(
            resolution=named(record.resolution), who=record.resolved_by or formats.NOTHING,
            when=formats.moment(record.resolved_at),
        )  # fmt: skip
        return f"{said}. {record.reason}" if record.reason else said
    if record.next_retry_at is not None:
        return _("tried again by itself at {when} (attempt {count} of {most})").format(
            when=formats.moment(record.next_retry_at), count=formats.whole(record.retry_count + 1),
            most=formats.whole(record.max_retries),
        )  # fmt: skip
    return _("waits for you: E edits it, t tries it again after a change of the configuration")


def _side_by_side(record: "FailedDetail", width: int) -> Content:
    """Raw, normalised and mapped values: beside each other where there is room, otherwise below each other."""
    fault = _fault(record)
    lowered = {name.lower(): name for name in record.raw_data}
    mapped = {lowered.get(name.lower(), name): value for name, value in (record.mapped_data or {}).items()}
    normalised = record.normalized_data or {}
    names = list(dict.fromkeys([*record.raw_data, *normalised, *mapped]))
    columns = [(_("as sent"), record.raw_data), (_("as read"), normalised), (_("as loaded"), mapped)]
    shown = [column for column in columns if column[1]]
    gap, wide = "  ", 22
    cell = max((width - wide) // max(len(shown), 1) - len(gap), 12)
    titles = [fitted(title, cell) for title, _values in shown]
    lines = [toned(gap.join(["".ljust(wide), *titles]), Tone.QUIET)]
    for name in names:
        parts = [fitted(_shown(_text(values[name])) if name in values else "", cell) for _title, values in shown]
        text = gap.join([fitted(("✖ " if name == fault else "  ") + name, wide), *parts])
        lines.append(toned(text.rstrip(), Tone.BAD if name == fault else Tone.PLAIN))
    if record.override:
        changed = ", ".join(f"{name} → {_shown(value)}" for name, value in record.override.items())
        lines.append(toned(_("edited: {}").format(changed), Tone.LIVE))
    return Content("\n").join(lines)


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("//"))


def _row_of(text: str, before: Mapping[str, object]) -> dict[str, str | None]:
    """The row of an edited JSON text. Raises UsageError with the place of what is wrong."""
    if not text.strip():
        return {name: _text(value) for name, value in before.items()}
    try:
        row = json.loads(text)
    except json.JSONDecodeError as error:
        where = _("line {line}, column {column}").format(line=error.lineno, column=error.colno)
        said = _("This is no JSON ({where}: {what}); your text is kept.")
        raise UsageError(said.format(where=where, what=error.msg)) from error
    if not isinstance(row, dict):
        raise UsageError(_("A row is one JSON object."))
    unknown = [name for name in row if name not in before]
    if unknown:
        raise UsageError(_("The row has no column {}.").format(unknown[0]))
    return {name: _text(value) for name, value in row.items()}
