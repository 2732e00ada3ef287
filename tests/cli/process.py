"""The command line as a process of its own, and a stream to give it in parts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests import playbook as pb
from tests.command_line import Result
from tests.limits import HANG_S

COMMAND = [sys.executable, "-c", "from tui.cli.main import main; main()"]
INSTANT = ("--speed", "instant")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one ", "two"), *pb.ending())
HEAD = pb.wire(pb.message_start(), pb.text_start(), pb.text(0, "one "))
REST = BODY[len(HEAD) :]


def start(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )


def finish(process: subprocess.Popen[bytes], stdin: bytes | None = None) -> Result:
    try:
        out, err = process.communicate(stdin, timeout=HANG_S)
    finally:
        process.kill()
    return Result(process.returncode, out.decode(), err.decode())
