"""`syncflow health`: is it up?"""

from typing import Annotated

import typer

from syncflow.cli.figures import duration, local_time
from syncflow.cli.output import say, say_beside, say_json
from syncflow.cli.session import session


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
        say(f"SyncFlow {report.version}: {report.status}")
        width = max(len(each.name) for each in report.components)
        for each in report.components:
            say_beside(f"{each.name:<{width}}  {each.level:<8}  ", each.said)
        for daemon in report.daemons:
            lead = ", judges and tells alerts" if daemon.leads else ""
            age = duration(max(0.0, daemon.age))
            say(f"The daemon on {daemon.host} was heard {age} ago; it is there since {local_time(daemon.since)}{lead}.")
        for alert in report.alerts:
            say(f"Alert since {local_time(alert.since)}: {alert.text} Type: {alert.next_step}")
    if report.vital_down:
        raise typer.Exit(1)
