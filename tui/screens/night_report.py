"""The morning's report: what was done since an hour, what failed, waits, is withheld, and what needs a person."""

from datetime import UTC, datetime, timedelta

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from syncflow.i18n import formats
from syncflow.i18n.catalog import N_, _
from tui.marks import toned
from tui.screens.log_page import Page

LAST = timedelta(hours=12)


class NightReportScreen(Page):
    TITLE_WORD = N_("report")
    ABOUT = N_(
        "What was done in the last twelve hours, what failed, waits and is withheld, and what needs a person. y copies "
        "it. Another beginning: :report 19:00"
    )

    def __init__(self, since: datetime | None = None) -> None:
        """Without a time the last twelve hours, again and again."""
        super().__init__()
        self._given = since
        self._text = ""

    @property
    def _since(self) -> datetime:
        return self._given or datetime.now(UTC) - LAST

    @property
    def title_text(self) -> str:
        return " ".join([super().title_text, _("since {}").format(formats.soon(self._since))])

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="told")

    def load(self) -> None:
        from syncflow.service.night_report_text import report_text  # heavy, and only for who asks

        self.read(lambda runtime: report_text(runtime.night_report.report(self._since)), self._show)

    def _show(self, text: str) -> None:
        self.console.trouble_is_over()
        self._text = text
        self.query_one("#told", Static).update(Content("\n").join(toned(line) for line in text.splitlines()))

    def plain(self) -> str:
        return self._text
