"""The command `syncflow`, killed at a named point: `python -m tests.crash.to_the_point POINT TIMES ARGUMENT..`"""

import sys

from syncflow.cli.main import main
from tests.crash.points import kill_at

if __name__ == "__main__":
    _, point, times, *arguments = sys.argv
    kill_at(point, int(times))
    sys.exit(main(arguments))
