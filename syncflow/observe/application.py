"""What a daemon answers over HTTP: whether it lives, how it is, and its metrics. All answers come from memory: nobody
who asks waits for a database or a neighbour."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncflow.i18n.texts import plain
from syncflow.observe.exposition import CONTENT_TYPE

_UP, _DOWN = 200, 503
_FRESH = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Told:
    """How the daemon is: `body` becomes JSON; `well` says that nothing vital is down."""

    body: object
    well: bool


@dataclass(frozen=True)
class Answers:
    """What is said, each made in milliseconds."""

    alive: Callable[[], Told]
    detailed: Callable[[], Told]
    metrics: Callable[[], str]


def application(answers: Answers, prefix: str) -> Starlette:
    """/health, /health/detailed and /metrics; the first two also under `prefix` (`/api/v1`, or empty)."""

    async def health(_: Request) -> Response:
        return _json(answers.alive())

    async def detailed(_: Request) -> Response:
        return _json(answers.detailed())

    async def metrics(_: Request) -> Response:
        return Response(answers.metrics(), headers={"Content-Type": CONTENT_TYPE, **_FRESH})

    routes = [Route("/metrics", metrics)]
    for base in dict.fromkeys(("", prefix)):
        routes += [Route(f"{base}/health", health), Route(f"{base}/health/detailed", detailed)]
    return Starlette(routes=routes)


def _json(told: Told) -> Response:
    headers = {"Content-Type": "application/json", **_FRESH}
    return Response(msgspec.json.encode(told.body, enc_hook=plain), _UP if told.well else _DOWN, headers=headers)
