"""What a reader looks for in a run: search, filter, markers, who wrote which character."""
