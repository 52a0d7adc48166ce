"""One metadata database with a daemon around it."""

from tests.faults.conftest import field as field
