"""The reference ScheduleHub: version 1 of the wire contract and the fast path, over tables in PostgreSQL."""
