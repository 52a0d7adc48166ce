"""What threads tell the console, by `post_message`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from syncflow.errors import SyncFlowError
from syncflow.events import News

if TYPE_CHECKING:
    from syncflow.service.neighbours import Health


@dataclass
class Happened(Message):
    """Something happened to a batch, a queue or an entity, in this process or in another."""

    news: News


@dataclass
class Connected(Message):
    """The runtime is open."""


@dataclass
class NotConnected(Message):
    """The runtime could not be opened; it is tried again."""

    error: SyncFlowError


@dataclass
class Checked(Message):
    """The neighbours were asked how they are; `tell`: somebody wanted to know. `scheduler` is where schedules are kept:
    `here`, by a `daemon`, or `nowhere`."""

    found: "list[Health]"
    tell: bool
    scheduler: str
