"""The reference APISmith: version 1 of the wire contract over tables in memory."""
