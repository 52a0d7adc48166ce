"""Sends rows to ScheduleHub in requests of a bearable size, and finds by halving what fails a whole request."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from syncflow.chunk import ROW
from syncflow.connectors.exchange import ExchangeError
from syncflow.errors import ConfigurationError, PageError
from syncflow.i18n.texts import Text

_FAILURES_IN_A_ROW = 30
"""So many requests with a status of 500 and none that passed are hardly the fault of some rows: from then on requests
are sent patiently, with the client's own retries, and what was singled out meanwhile is sent again."""
_REFUSALS_IN_A_ROW = 200
"""So many requests that were refused as wrong and none that passed are not the fault of some rows either."""
_DOUBTS = 2
"""After so many requests without an answer, the rest of a call is not sent: it would not be answered either."""


class TooLarge(Exception):
    """413: the request has too many bytes or records."""


class Refused(Exception):
    """The whole request was refused with this status: 400, 409, 422 or 500. The text is what the service said."""

    def __init__(self, status: int, message: Text) -> None:
        super().__init__(str(message))
        self.status = status
        self.message = message


@dataclass
class Sent:
    """What became of the rows: `answers` are the frames that `send` gave, `alone` the rows that fail a request for
    themselves, `doubtful` those without an answer, each with the reason."""

    answers: list[pl.DataFrame] = field(default_factory=list)
    alone: list[tuple[pl.DataFrame, Refused]] = field(default_factory=list)
    doubtful: list[tuple[pl.DataFrame, str]] = field(default_factory=list)
    largest: int = 0
    """How many rows a request may have at most, as far as this was found out."""


Send = Callable[[pl.DataFrame, bool], pl.DataFrame]
"""Sends one request and returns what became of its rows; the flag says whether to try again after a status of 500."""


def send_in_parts(rows: pl.DataFrame, largest: int, send: Send, at_once: int = 1) -> Sent:
    """Send all rows; `send` raises TooLarge, Refused, PageError for an unreadable answer, or ExchangeError.

    Up to `at_once` requests are under way at the same time, as long as the last one was simply taken: the first goes
    alone, and so do those after one that was not. Never are more under way than may go without an answer.

    Raises RetriableError when the service is not to be had, ConfigurationError when it refuses whatever it is sent.
    """
    sending = _Sending(rows, largest, send)
    lanes = min(at_once, len(sending.parts))
    if lanes <= 1:
        sending.run()
        return sending.ended()
    with ThreadPoolExecutor(lanes, thread_name_prefix="schedulehub") as pool:
        running = [pool.submit(sending.run) for _ in range(lanes)]
    for lane in running:
        lane.result()
    return sending.ended()


class _Sending:
    """What is left to send, and what became of the rest. Any number of threads may `run` it; all end together."""

    def __init__(self, rows: pl.DataFrame, largest: int, send: Send) -> None:
        self.sent = Sent(largest=largest)
        self.parts = [rows[start : start + largest] for start in range(0, rows.height, largest)][::-1]
        self._send = send
        self._in_a_row = 0
        self._alone_in_a_row: list[tuple[pl.DataFrame, Refused]] = []
        self._changed = threading.Condition()
        self._under_way = 0
        self._is_calm = False
        self._is_over = False

    def run(self) -> None:
        """Send parts until none is left. What ends it for one thread ends it for all, once they have their answers."""
        while (taken := self._take()) is not None:
            part, patient = taken
            try:
                settle = self._tried(part, patient)
            except BaseException:
                self._end_all()
                raise
            self._settle(settle)

    def _take(self) -> tuple[pl.DataFrame, bool] | None:
        """The next part, and whether to send it patiently; waits for its turn. None when all is done."""
        with self._changed:
            while not self._is_over:
                if len(self.sent.doubtful) >= _DOUBTS:
                    self._doubt_the_rest()
                if self.parts and (self._under_way == 0 or self._has_room):
                    self._under_way += 1
                    return self.parts.pop(), self._is_patient
                if not self.parts and self._under_way == 0:
                    break
                self._changed.wait()
            self._changed.notify_all()
            return None

    def _tried(self, part: pl.DataFrame, patient: bool) -> Callable[[], None]:
        """Send a part; what to put down about it. Raises what ends the whole sending."""
        try:
            answer = self._send(part, patient)
        except TooLarge:
            return lambda: self._too_large(part)
        except Refused as error:
            refused = error
            return lambda: self._refused(part, refused)
        except (PageError, ExchangeError) as error:
            if isinstance(error, ExchangeError) and not error.applied:
                raise
            told = str(error)
            return lambda: self.sent.doubtful.append((part, told))
        return lambda: self._passed(answer)

    def _settle(self, put_down: Callable[[], None]) -> None:
        with self._changed:
            self._under_way -= 1
            self._is_calm = False
            try:
                put_down()
            except BaseException:
                self._is_over = True
                raise
            finally:
                self._changed.notify_all()

    def _end_all(self) -> None:
        with self._changed:
            self._under_way -= 1
            self._is_over = True
            self._changed.notify_all()

    def ended(self) -> Sent:
        self.sent.alone += self._alone_in_a_row
        return self.sent

    @property
    def _has_room(self) -> bool:
        return self._is_calm and self._under_way + len(self.sent.doubtful) < _DOUBTS

    @property
    def _is_patient(self) -> bool:
        return self._in_a_row >= _FAILURES_IN_A_ROW

    def _passed(self, answer: pl.DataFrame) -> None:
        self._is_calm = True
        if self._is_patient:
            again = [part for part, error in self._alone_in_a_row if error.status >= 500]
            self.parts += again
            self._alone_in_a_row = [(part, error) for part, error in self._alone_in_a_row if error.status < 500]
        self.sent.answers.append(answer)
        self.sent.alone += self._alone_in_a_row
        self._alone_in_a_row = []
        self._in_a_row = 0

    def _too_large(self, part: pl.DataFrame) -> None:
        self.sent.largest = max(1, min(self.sent.largest, part.height // 2))
        self._halve(part, Refused(413, Text("The record alone is larger than a request may be.")))

    def _refused(self, part: pl.DataFrame, error: Refused) -> None:
        self._in_a_row += 1
        if error.status >= 500 and self._in_a_row > _FAILURES_IN_A_ROW:
            raise ExchangeError(error.message, applied=True, status=error.status)
        if self._in_a_row > _REFUSALS_IN_A_ROW:
            raise ConfigurationError(
                "{error} It refuses every request: check the versions of both sides.", error=error.message
            )
        self._halve(part, error)

    def _halve(self, part: pl.DataFrame, error: Refused) -> None:
        if part.height == 1:
            self._alone_in_a_row.append((part, error))
            return
        middle = part.height // 2
        self.parts += [part[middle:], part[:middle]]

    def _doubt_the_rest(self) -> None:
        why = "It was not sent, since requests before it were not answered."
        self.sent.doubtful += [(part, why) for part in reversed(self.parts)]
        self.parts = []


def without_rows(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """Those of `rows` that are not among `others`, by ROW."""
    return rows.join(others.select(ROW), on=ROW, how="anti", maintain_order="left")
