"""What was chosen on the screen and is kept for the next time: a small JSON file."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from platformdirs import user_state_path


def state_file() -> Path:
    """Return where it is kept, whether there is one or not."""
    return user_state_path("streamscope", appauthor=False) / "state.json"


def kept_theme() -> str | None:
    """Return the name of the theme that was chosen last; None where none was."""
    theme = _read().get("theme")
    return theme if isinstance(theme, str) else None


def keep_theme(name: str) -> None:
    """Keep a theme for the next time. Raises OSError."""
    path = state_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps({**_read(), "theme": name}, indent=2) + "\n", encoding="utf-8")
    new.replace(path)


def _read() -> dict[str, object]:
    """Return what is kept. A file that is not what was written is as good as none."""
    with suppress(OSError, ValueError):
        kept = json.loads(state_file().read_text(encoding="utf-8"))
        if isinstance(kept, dict):
            return kept
    return {}
