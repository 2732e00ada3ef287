"""What is typed or pasted may be anything."""

from __future__ import annotations

import os
import sys

import pexpect

from tests.limits import HANG_S


def test_bytes_that_are_no_text_and_a_long_paste_do_not_end_the_app() -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-c", "from tui.cli.main import main; main()", "demo", "stall"],
        dimensions=(30, 100),
        env={**os.environ, "TERM": "xterm-256color"},
        timeout=HANG_S,
    )
    try:
        child.expect(b"Transcript")
        child.expect(b"DEMO")
        child.send(b"\xff\xfe\x80\xc3")
        for part in [b"\x1b[200~", *[b"x" * 1_000] * 60, b"\xff\x1b[201~"]:
            child.send(part)
            # So that the app is never kept waiting.
            child.read_nonblocking(1 << 20, timeout=HANG_S)
        # What follows an escape in a paste is no key.
        child.send(b"\x1b[200~one \x1bq\x1b[A two \x1b[q q\x1b[201~")
        child.send(b"?")
        child.expect(b"Playing")
        child.send(b"qq")  # The first closes the help.
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)
