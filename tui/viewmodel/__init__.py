"""What the panes draw: the state of a run as plain rows and items.

Pure functions over the core; nothing here knows a terminal. Text from the wire is passed on as it
came, the panes sanitise it when they draw.
"""

from __future__ import annotations

from tui.viewmodel.counters import Counters, Ranks, counters, sparkline
from tui.viewmodel.events import EventRow, event_row
from tui.viewmodel.tools import ToolItem, ToolItems, tools
from tui.viewmodel.transcript import TranscriptItems, describe_error, transcript
from tui.viewmodel.turns import turn_items
from tui.viewmodel.views import (
    DashboardView,
    EventsView,
    HeaderView,
    Moment,
    Tone,
    TranscriptItem,
    TranscriptView,
    VerdictView,
)

__all__ = [
    "Counters",
    "EventRow",
    "EventsView",
    "DashboardView",
    "HeaderView",
    "TranscriptItem",
    "Ranks",
    "Moment",
    "Tone",
    "ToolItem",
    "TranscriptView",
    "ToolItems",
    "TranscriptItems",
    "VerdictView",
    "counters",
    "describe_error",
    "event_row",
    "sparkline",
    "tools",
    "transcript",
    "turn_items",
]
