"""How long a test waits for what is sure to happen."""

from __future__ import annotations

from typing import Final

HANG_S: Final = 240
"""Seconds that only a hang takes, however busy the machine is."""
