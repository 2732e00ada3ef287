"""What is freed is kept: a large read that brings little costs no fresh pages."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys
from types import SimpleNamespace

import pytest

from tests.limits import HANG_S
from tui.relay.memory import keep_freed_memory

READS = """
import os, resource
from tui.relay.memory import keep_freed_memory

keep_freed_memory()
reading, writing = os.pipe()

def read():
    os.write(writing, b"x" * 100)
    assert len(os.read(reading, 262_144)) == 100

read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(500):
    read()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def fresh_pages() -> int:
    command = [sys.executable, "-c", READS]
    done = subprocess.run(command, capture_output=True, check=True, timeout=HANG_S)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")
def test_reads_do_not_take_fresh_pages() -> None:
    assert fresh_pages() < 50


def test_a_library_that_cannot_be_told_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace())
    keep_freed_memory()
