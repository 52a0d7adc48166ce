"""`syncflow health`: is it up?"""

from typing import Annotated

import typer
from rich.cells import cell_len, set_cell_size

from syncflow.cli.figures import duration, local_time
from syncflow.cli.output import say, say_beside, say_json
from syncflow.cli.session import session
from syncflow.i18n.catalog import _
from syncflow.i18n.texts import retold, told


def health(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Say how everything is: the database, both neighbours, the daemons, the queues, and what alerts there are.

    Ends with 1 when something is down without which nothing goes on.
    """
    with session() as runtime:
        runtime.neighbour_watch.look()
        report = runtime.health.look()
    if json:
        say_json(report)
    else:
        say(f"SyncFlow {report.version}: {_(report.status)}")
        rows = [(told(each.name), _(each.level), told(each.said)) for each in report.components]
        wide = [max(cell_len(row[column]) for row in rows) for column in range(2)]
        for name, level, said in rows:
            say_beside(f"{set_cell_size(name, wide[0])}  {set_cell_size(level, wide[1])}  ", said)
        for daemon in report.daemons:
            said = _("The daemon on {host} was heard {age} ago; it is there since {time}.")
            if daemon.leads:
                said = _("The daemon on {host} was heard {age} ago; it is there since {time}, judges and tells alerts.")
            age = duration(max(0.0, daemon.age))
            say(said.format(host=daemon.host, age=age, time=local_time(daemon.since)))
        for alert in report.alerts:
            said = _("Alert since {time}: {text} Type: {command}")
            say(said.format(time=local_time(alert.since), text=retold(alert.text), command=alert.next_step))
    if report.vital_down:
        raise typer.Exit(1)
