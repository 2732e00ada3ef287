"""One answer of ten events, and what the panes show of it."""

from __future__ import annotations

from tests.app_harness import (
    Stage,
)
from tests.playbook import (
    ending,
    message_start,
    text_block,
)
from tui.core.reducer import fold

WORDS = ("The ", "quick ", "brown ", "fox ", "jumps.")
ANSWER = [message_start(), *text_block(0, *WORDS), *ending()]
"""Ten events, the last at 1.0 s where each takes 100 ms."""


def assert_folded(stage: Stage) -> None:
    """What is drawn is the fold of the events that are shown, and of nothing else."""
    scope = stage.moment
    folded = fold(scope.timeline.records(0, scope.count))
    assert scope.state.records == scope.count
    assert scope.state.message_json() == folded.message_json()
    assert scope.state.tool_reports() == folded.tool_reports()
    assert (scope.state.counts, scope.state.usage) == (folded.counts, folded.usage)
    assert (scope.state.phase, scope.state.blocks) == (folded.phase, folded.blocks)


def panes(stage: Stage) -> tuple[str, str, str]:
    for _ in range(500):  # A busy machine takes more ticks to lay the text out.
        if stage.transcript_pane.complete:
            break
        stage.app.tick()
    return stage.transcript, stage.tools, stage.header
