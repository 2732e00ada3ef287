"""Markdown of an answer, drawn while it grows."""
