"""`syncflow audit`: who did what."""

from datetime import datetime
from typing import Annotated

import typer

from syncflow.cli.figures import local_time, table
from syncflow.cli.output import note, say, say_json
from syncflow.cli.session import session
from syncflow.i18n.catalog import _
from syncflow.i18n.formats import whole
from syncflow.service.last_time import last_time

app = typer.Typer(help="What people did: every act that changed something.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """What people did: every act that changed something."""


@app.command("list")
def list_(
    who: Annotated[str | None, typer.Option("--who", metavar="NAME", help="Acts of this person.")] = None,
    act: Annotated[
        str | None,
        typer.Option("--act", metavar="ACT", help="Acts of this kind: entity.update, or entity for all on entities."),
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", metavar="ENTITY", help="Acts on this entity.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="19:00 is the last time that it was; or a day and a time."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most, the newest.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="As JSON, with what was before and after.")] = False,
) -> None:
    """List what people did, the newest first."""
    from syncflow.service.audit_trail import AuditFilter  # deferred: help need not wait for the service

    after = None if since is None else last_time(since, datetime.now().astimezone())
    with session() as runtime:
        lines = runtime.audit_trail.find(AuditFilter(who, act, entity, after), limit)
    if json:
        say_json(lines)
        return
    rows = [[local_time(each.at), each.actor, each.act, each.entity or "", each.subject] for each in lines]
    header = ["at", "who", "act", "entity", "subject"]
    for line in table(header, rows, left=header):
        say(line)
    if len(lines) == limit:
        note(_("There may be more: these are the newest {limit}. See more with --limit.").format(limit=whole(limit)))
