"""Nothing is drawn again on a screen on which nothing changes: a dashboard stands open for days."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import RenderableType
from textual._compositor import Compositor

from tests.agent_session import mending
from tests.app_harness import LATER_S, on_stage
from tests.screens.test_waterfall import judged
from tui.screens.waterfall import Waterfall
from tui.sources.capture import recorded

_TICKS = 30
"""As many as a second has."""
_SECONDS = 20
"""After so many it is at rest, or never."""
_LOOKS = [(), ("tab",), ("R",), ("W",), ("W", "L"), *"dLCPe", ("question_mark",)]
"""The dashboard, and all that is opened over it."""


async def test_what_is_at_rest_is_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: Counter[str] = Counter()
    update = Compositor.render_update

    def counted(self: Compositor, **settings: Any) -> RenderableType | None:  # noqa: ANN401
        drawn[str(self)] += 1
        return update(self, **settings)

    factories, _ = recorded(mending().write(tmp_path / "agent.jsonl"))
    async with on_stage(*factories) as stage:
        await stage.at(LATER_S)
        for keys in _LOOKS:
            for key in keys:
                await stage.press(key)
                if isinstance(stage.app.screen, Waterfall):
                    await judged(stage)
            looks = [screen for screen in stage.app.screen_stack if isinstance(screen, Waterfall)]
            with monkeypatch.context() as patched:
                patched.setattr(Compositor, "render_update", counted)
                for _ in range(_SECONDS):  # What threads found is drawn when it is there.
                    drawn.clear()
                    for _ in range(_TICKS):
                        stage.clock.now_ns += 33_000_000
                        stage.app.tick()
                        for screen in looks:
                            screen.look()
                    await stage.settle()
                    if not drawn:
                        break
            assert not drawn, keys
            while stage.app.screen is not stage.dashboard:
                await stage.press("escape")
