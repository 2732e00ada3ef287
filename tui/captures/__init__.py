"""Streams on disk: the capture format, its writer, redaction, and what is imported and exported."""
