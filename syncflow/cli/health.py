"""`syncflow health`: is it up?"""

from typing import Annotated

import typer

from syncflow.cli.figures import duration, local_time
from syncflow.cli.output import say, say_beside, say_json
from syncflow.cli.session import session
from syncflow.i18n.catalog import _
from syncflow.i18n.texts import retold


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
        width = max(len(each.name) for each in report.components)
        for each in report.components:
            say_beside(f"{each.name:<{width}}  {each.level:<8}  ", retold(each.said))
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
