"""Reference neighbours as real HTTP servers: an APISmith and a ScheduleHub for the demo and the tests.

Nothing here imports another part of SyncFlow, and nothing of SyncFlow's engine is used to make the expected results:
what the sandbox says about an ERP's rows is a second opinion.
"""
