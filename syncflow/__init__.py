"""The bridge from APISmith to ScheduleHub."""

from syncflow.allocators import tune

tune()
