"""Masks secrets in what is written outside of the screen: messages, reports and tracebacks.

Redaction is imported with the first thing that has to be said: most commands have nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.core.text import one_line, sanitize

if TYPE_CHECKING:
    from tui.core.records import JsonObject

_SPOKEN: Final = ("error", "anomalies", "findings")
"""What of a report is words about a run. The rest is what came, and is given as it came."""


def told(text: str) -> str:
    """Return a message as one line without secrets and control codes."""
    from tui.captures.redact import redact_text

    return one_line(redact_text(text))


def why_unread(error: OSError | ValueError) -> str:
    """Return why a file cannot be read, in a few words without its name."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return str(error)


def told_report(report: JsonObject) -> JsonObject:
    """Return a report on a file or a live run with the words about its runs masked."""
    if not any(run[name] for run in report["runs"] for name in _SPOKEN):
        return report
    from tui.captures.redact import redact_json

    runs = [{**run, **{name: redact_json(run[name]) for name in _SPOKEN}} for run in report["runs"]]
    return {**report, "runs": runs}


def crash_report(error: BaseException) -> str:
    """Return the traceback of a fault of this program: no local variables, and nothing secret."""
    import traceback

    from tui.captures.redact import redact_text

    return sanitize(redact_text("".join(traceback.format_exception(error))))
