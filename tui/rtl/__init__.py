"""Right to left: lines put in order, the frame and the input mirrored, the terminal told to keep its hands off. Nothing
of this is imported by a session in a language that is written from left to right."""
