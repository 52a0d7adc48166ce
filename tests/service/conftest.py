"""One metadata database with several processes' worth of SyncFlow around it."""

from tests.faults.conftest import any_field as any_field
from tests.faults.conftest import field as field
