"""What is wrong now, as people are told: each cause once, whichever process found it, until it is well again."""

from dataclasses import dataclass
from datetime import datetime

from syncflow.service.alert_causes import AlertKind as AlertKind  # what an alert is about
from syncflow.service.alert_causes import Limits, causes, undecided
from syncflow.service.alert_facts import AlertFacts
from syncflow.store import alerts
from syncflow.store.alerts import AlertLine
from syncflow.store.database import Database


@dataclass(frozen=True)
class Alert:
    """`subject` is an entity, a queue, a neighbour or a host; `text` says in a sentence what is wrong since then (UTC),
    `next_step` is the command that helps."""

    kind: AlertKind
    subject: str
    since: datetime
    text: str
    next_step: str


class AlertService:
    def __init__(self, database: Database, facts: AlertFacts, limits: Limits) -> None:
        self._database = database
        self._facts = facts
        self._limits = limits

    def current(self) -> list[Alert]:
        """The oldest first."""
        with self._database.begin() as connection:
            return [alert_of(line) for line in alerts.current(connection)]

    def evaluate(self) -> None:
        """Look at everything, and book what is wrong from now on, and what is well again."""
        facts = self._facts.gather()
        with self._database.begin() as connection:
            if not alerts.take_turn(connection):
                return
            open_ = {(line.kind, line.subject): line for line in alerts.current(connection)}
            found = {(each.kind, each.subject): each for each in causes(facts, self._limits, frozenset(open_))}
            for name, cause in found.items():
                if name not in open_:
                    alerts.begin(connection, cause, facts.now)
                elif open_[name].text != cause.text:
                    alerts.reword(connection, open_[name], cause.text)
            for name, line in open_.items():
                if name not in found and not undecided(facts, *name):
                    alerts.end(connection, line, facts.now)


def alert_of(line: AlertLine) -> Alert:
    return Alert(AlertKind(line.kind), line.subject, line.began_at, line.text, line.next_step)
