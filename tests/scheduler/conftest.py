"""One entity between the two sandbox servers."""

from tests.faults.conftest import field as field
