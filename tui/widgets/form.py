"""A form of sections that unfold in place: no pop-ups, one cursor over all lines."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from syncflow.i18n.catalog import N_
from tui.marks import Tone, toned
from tui.widgets.form_fields import FormField, FormSection
from tui.widgets.form_line import LABEL_WIDTH, FormLine

T = TypeVar("T")
_INDENT = 2


class FormTitle(Widget, can_focus=True):
    """A section's first line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space,l", "unfold", N_("Unfold or fold"), show=False, id="form.toggle"),
    ]
    DEFAULT_CSS = """
    FormTitle { height: 1; width: 1fr; background: $background; }
    FormTitle:focus { background: $primary 40%; text-style: bold; }
    """

    def __init__(self, section: FormSection[Any], *, indent: int) -> None:
        super().__init__()
        self._section = section
        self._indent = indent
        self.is_open = False

    def show(self, section: FormSection[Any], *, is_open: bool) -> None:
        if self._looks(section, is_open) != self._looks(self._section, self.is_open):
            self.refresh()
        self._section, self.is_open = section, is_open

    @staticmethod
    def _looks(section: FormSection[Any], is_open: bool) -> tuple[object, ...]:
        return (section.title, section.summary, section.tone, section.is_changed, is_open)

    def action_unfold(self) -> None:
        cast("FormGroup", self.parent).toggle()

    def on_click(self) -> None:
        self.action_unfold()

    def render(self) -> Content:
        section = self._section
        sign = "▾ " if self.is_open else "▸ "
        changed = toned("● ", Tone.WARN) if section.is_changed else Content("")
        title = Content.styled(section.title, "bold") if self._indent == 0 else toned(section.title)
        head = toned(" " * self._indent) + toned(sign, Tone.LIVE) + changed + title
        room = max(self._indent + LABEL_WIDTH + 3 - head.cell_length, 1)
        return (head + " " * room + toned(section.summary, section.tone)).truncate(
            max(self.content_size.width, 1), ellipsis=True
        )


class FormGroup(Vertical):
    """A section with its lines, which are made when it is unfolded first."""

    DEFAULT_CSS = """
    FormGroup { height: auto; }
    FormGroup > .body { height: auto; display: none; }
    FormGroup.open > .body { display: block; }
    FormGroup .tail { height: auto; padding: 0 0 1 6; }
    """

    def __init__(self, form: "Form[Any]", section: FormSection[Any], depth: int) -> None:
        super().__init__()
        self.section = section
        self._form = form
        self._depth = depth
        self._keys: tuple[str, ...] = ()
        self._parts: list[Widget] = []
        self._body: Vertical | None = None
        self._is_there = False

    def compose(self) -> ComposeResult:
        yield FormTitle(self.section, indent=self._depth * _INDENT)

    def on_mount(self) -> None:
        self._is_there = True
        if self.section.key in self._form.unfolded:
            self.open()

    @property
    def title(self) -> FormTitle:
        return self.query_one(FormTitle)

    def toggle(self) -> None:
        if self.has_class("open"):
            self._form.unfolded.discard(self.section.key)
            self.remove_class("open")
        else:
            self.open()
            self.call_after_refresh(self.scroll_visible, animate=False)
        self.title.show(self.section, is_open=self.has_class("open"))

    def open(self) -> None:
        self._form.unfolded.add(self.section.key)
        self.add_class("open")
        self.show(self.section)

    def show(self, section: FormSection[Any]) -> None:
        """Show the section as it is now; what is folded is not made."""
        self.section = section
        if not self._is_there:
            return
        is_open = self.has_class("open")
        self.title.show(section, is_open=is_open)
        if is_open:
            self._fill()

    def _fill(self) -> None:
        """Make the lines, or show them as they are now."""
        if self.section.unfolded is not None:
            self.section = self.section.unfolded()
        keys = (*(field.key for field in self.section.fields), *(each.key for each in self.section.sections))
        if self._body is not None and keys == self._keys:
            self._update()
            return
        here = self._form.line
        if isinstance(here, FormLine) and here in self._parts:
            self._form.focus_line(here.field.key)
        if self._body is not None:
            self._body.remove()
        self._keys = keys
        self._parts = [*self._lines(), *self._groups(), Static(classes="tail")]
        self._body = Vertical(*self._parts, classes="body")
        self._show_tail()
        self.mount(self._body)
        self.call_after_refresh(self._form.settle)

    def _lines(self) -> Iterator[FormLine]:
        return (self._form.make_line(field, (self._depth + 1) * _INDENT) for field in self.section.fields)

    def _groups(self) -> "Iterator[FormGroup]":
        return (FormGroup(self._form, each, self._depth + 1) for each in self.section.sections)

    def _update(self) -> None:
        for line, field in zip(self._parts, self.section.fields, strict=False):
            self._form.show_line(cast(FormLine, line), field)
        for group, section in zip(self._parts[len(self.section.fields) :], self.section.sections, strict=False):
            cast(FormGroup, group).show(section)
        self._show_tail()

    def _show_tail(self) -> None:
        tail = cast(Static, self._parts[-1])
        tail.update(self.section.tail if self.section.tail is not None else Content(""))
        tail.display = self.section.tail is not None


LINE_IS_OPEN = N_("A line is still open: Enter takes what is typed, Esc leaves it as it was. Then save.")


class Form(VerticalScroll, Generic[T], can_focus=False):
    """The value `now` in sections, compared with the value `before`. It changes nothing by itself: what is wanted is
    told by the messages of its lines, and shown with `show`."""

    @property
    def is_editing(self) -> bool:
        """Whether a line is open; what was typed in it is not part of the value yet."""
        return any(line.is_editing for line in self.query(FormLine))

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", N_("Up"), show=False, id="form.up"),
        Binding("down,j", "move(1)", N_("Down"), show=False, id="form.down"),
        Binding("pageup,ctrl+b", "leap(-1)", N_("Page up"), show=False, id="form.page_up"),
        Binding("pagedown,ctrl+f", "leap(1)", N_("Page down"), show=False, id="form.page_down"),
        Binding("home,g", "go(0)", N_("First line"), show=False, id="form.first"),
        Binding("end,G", "go(-1)", N_("Last line"), show=False, id="form.last"),
        Binding("z", "fold", N_("Fold all, or unfold all"), show=False, id="form.fold"),
    ]
    DEFAULT_CSS = """
    Form { height: 1fr; background: $background; scrollbar-size-vertical: 1; }
    """

    class Moved(Message):
        """The cursor stands on another line."""

    def __init__(self, *, unfolded: Sequence[str] = (), is_fixed: bool = False, id: str | None = None) -> None:
        """`unfolded` are the keys of the sections that are open at first."""
        super().__init__(id=id)
        self.unfolded = set(unfolded)
        self._is_fixed = is_fixed
        self._now: T | None = None
        self._before: T | None = None
        self._sections: tuple[FormSection[T], ...] = ()
        self._wanted: tuple[str, bool] | None = None

    def show(self, sections: Sequence[FormSection[T]], now: T, before: T | None) -> None:
        keys = [section.key for section in sections]
        is_same = keys == [section.key for section in self._sections]
        self._sections, self._now, self._before = tuple(sections), now, before
        if is_same:
            for group, section in zip(self.query_children(FormGroup), sections, strict=True):
                group.show(section)
            return
        self.remove_children()
        self.mount_all([FormGroup(self, section, 0) for section in sections])
        self.call_after_refresh(self._enter)

    def _enter(self) -> None:
        if self.app.focused is None:
            self.action_go(0)

    def make_line(self, field: FormField[T], indent: int) -> FormLine:
        text, is_changed = self._text(field)
        return FormLine(field, text, is_changed=is_changed, is_fixed=self._is_fixed, indent=indent)

    def show_line(self, line: FormLine, field: FormField[T]) -> None:
        text, is_changed = self._text(field)
        line.show(field, text, is_changed=is_changed)

    def _text(self, field: FormField[T]) -> tuple[str, bool]:
        now = "" if self._now is None else field.read(self._now)
        return now, self._before is None or field.read(self._before) != now

    def unfold(self, *keys: str) -> None:
        self.unfolded.update(keys)
        for group in self.query(FormGroup):
            if group.section.key in keys:
                group.open()

    def focus_line(self, key: str, *, edit: bool = False) -> None:
        """Put the cursor on the field, or the section, with this key as soon as it is there."""
        self._wanted = (key, edit)
        self.call_after_refresh(self.settle)

    def settle(self) -> None:
        """Lines were made: the one that is waited for may be among them."""
        if self._wanted is None:
            return
        key, edit = self._wanted
        for line in self.query(FormLine):
            if line.field.key == key:
                self._wanted = None
                self.screen.set_focus(line)
                if edit:
                    line.edit()
                return
        for group in self.query(FormGroup):
            if group.section.key == key:
                self._wanted = None
                self.screen.set_focus(group.title)

    @property
    def line(self) -> FormLine | FormTitle | None:
        """Where the cursor is."""
        focused = self.app.focused
        while focused is not None and not isinstance(focused, (FormLine, FormTitle)):
            parent = focused.parent
            focused = parent if isinstance(parent, Widget) else None
        return focused

    @property
    def sections_here(self) -> list[FormSection[T]]:
        """The sections around the cursor, the innermost first."""
        here: Widget | None = self.line
        found: list[FormSection[T]] = []
        while here is not None and here is not self:
            if isinstance(here, FormGroup):
                found.append(here.section)
            here = here.parent if isinstance(here.parent, Widget) else None
        return found

    def _lines(self) -> list[FormLine | FormTitle]:
        """Those that can be seen, from top to bottom."""
        return [
            line
            for line in self.query("FormLine, FormTitle").results()
            if isinstance(line, (FormLine, FormTitle)) and self._is_shown(line)
        ]

    def _is_shown(self, line: Widget) -> bool:
        """Whether no section around it is folded; its own title stays."""
        groups = [each for each in line.ancestors if isinstance(each, FormGroup)]
        if isinstance(line, FormTitle):
            groups = groups[1:]
        return all(group.has_class("open") for group in groups)

    def action_move(self, by: int) -> None:
        lines = self._lines()
        if not lines:
            return
        self._wanted = None
        here = self.line
        place = lines.index(here) + by if here in lines else 0
        self.screen.set_focus(lines[max(min(place, len(lines) - 1), 0)])

    def action_leap(self, pages: int) -> None:
        self.action_move(pages * max(self.size.height - 2, 1))

    def action_go(self, place: int) -> None:
        lines = self._lines()
        if lines:
            self.screen.set_focus(lines[place])

    def action_fold(self) -> None:
        groups = list(self.query_children(FormGroup))
        is_open = any(group.has_class("open") for group in groups)
        for group in groups:
            if group.has_class("open") is is_open:
                group.toggle()
        if groups and is_open:
            self.screen.set_focus(groups[0].title)

    def on_descendant_focus(self) -> None:
        self.post_message(self.Moved())
