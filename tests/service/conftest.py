"""One metadata database with several processes' worth of SyncFlow around it."""

from tests.faults.conftest import field as field
