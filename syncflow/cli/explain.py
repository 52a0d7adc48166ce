"""`syncflow explain`: why one record is as it is."""

from typing import TYPE_CHECKING, Annotated

import typer

from syncflow.cli.explain_view import explanation_lines
from syncflow.cli.output import say, say_json
from syncflow.cli.session import session
from syncflow.errors import UsageError

if TYPE_CHECKING:
    from syncflow.runtime import Runtime
    from syncflow.service.explain import Explanation


def explain(
    entity: Annotated[str | None, typer.Argument(help="The entity.")] = None,
    key: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY...", help="The values of its business key in their order, or as field=value."),
    ] = None,
    failed: Annotated[
        str | None, typer.Option("--failed", metavar="RECORD", help="The row of this failed record, instead of a key.")
    ] = None,
    pending: Annotated[
        str | None, typer.Option("--pending", metavar="ROW", help="This waiting row, instead of a key.")
    ] = None,
    live: Annotated[bool, typer.Option("--live/--no-source", help="Whether to ask APISmith what it says now.")] = True,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say why a record is, or is not, in ScheduleHub: its way through all stages, and what the books know of it.

    For example: syncflow explain sales_order_lines 4711 3
    """
    queues = [number for number in (failed, pending) if number is not None]
    if len(queues) > 1 or (queues and key):
        raise UsageError("Name one record: by its key, or with --failed RECORD, or with --pending ROW.")
    if entity is None and not queues:
        raise UsageError("Say which record: syncflow explain ENTITY KEY.. For example: syncflow explain orders 4711")
    with session() as runtime:
        told = _told(runtime, entity, key or [], failed, pending, live=live)
    if json:
        say_json(told)
    else:
        for line in explanation_lines(told):
            say(line)


def _told(
    runtime: "Runtime", entity: str | None, key: list[str], failed: str | None, pending: str | None, *, live: bool
) -> "Explanation":
    if entity is None or failed is not None or pending is not None:
        return runtime.explain.of_queue(entity, failed=failed, pending=pending, ask_source=live)
    return runtime.explain.explain(entity, key, ask_source=live)
