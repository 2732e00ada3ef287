"""The streaming servers of tutorials, as they are written there, run against the mock.

The tutorials are no part of the project: their text is looked for in the folder that
`STREAMSCOPE_TUTORIALS` names, else in `shared/seeds` beside the repository.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.conftest import ROOT
from tests.limits import HANG_S
from tests.servers import MockServer

pytestmark = pytest.mark.asyncio

_FOLDER: Final = Path(os.environ.get("STREAMSCOPE_TUTORIALS") or ROOT.parent / "shared" / "seeds")
_UVICORN: Final = ("uvicorn", "app:app", "--port", "0")
_FLASK: Final = ("flask", "--app", "app", "run", "--port", "0")


def tutorial(words: str) -> str:
    """The text of the tutorial that has these words."""
    for path in sorted(_FOLDER.glob("*.txt")):
        if words in (text := path.read_text(encoding="utf-8")):
            return text
    pytest.skip(f"no tutorial with {words!r} in {_FOLDER}; name a folder: STREAMSCOPE_TUTORIALS")


def between(text: str, begin: str, end: str) -> str:
    """What stands between the line `begin` and what follows it up to `end`."""
    found = re.search(
        rf"^{re.escape(begin)}$(.*?)^{re.escape(end)}", text, re.DOTALL | re.MULTILINE
    )
    assert found, f"the tutorial has no {begin!r} any more"
    return found[1]


def indented(code: str) -> str:
    """Code that has lost its indentation on the way, for as much of the language as it uses."""
    depth, brackets, once = 0, 0, False
    lines: list[str] = []
    for line in filter(None, map(str.strip, code.splitlines())):
        if not brackets:
            if line.startswith(("@", "import ", "from ", "app =", "client =")):
                depth = 0
            elif line.startswith("return "):
                depth = 1
        inner = brackets - line.startswith((")", "]", "}"))
        lines.append("    " * (depth + inner) + line)
        brackets += sum(map(line.count, "([{")) - sum(map(line.count, ")]}"))
        if line.endswith(":") and not brackets:
            depth, once = depth + 1, "for " in line
        elif once and not brackets:
            depth, once = depth - 1, False  # What a loop does is one statement there.
    return "\n".join(lines) + "\n"


@contextlib.asynccontextmanager
async def serving(folder: Path, code: str, module: tuple[str, ...], api: str) -> AsyncIterator[str]:
    """Run an application with its server; give its address."""
    pytest.importorskip(module[0], reason=f"{module[0]} is not installed")
    (folder / "app.py").write_text(code, encoding="utf-8")
    environment = {**os.environ, "ANTHROPIC_BASE_URL": api, "ANTHROPIC_API_KEY": "k"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *module),
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(HANG_S):
            while not (found := re.search(r"http://127\.0\.0\.1:\d+", said)):
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
        yield found[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


@pytest.mark.parametrize(
    ("words", "begin", "end", "module", "asked", "ending"),
    [
        (
            "FastAPI Streaming\n",
            "FastAPI Streaming",
            "Flask Streaming",
            _UVICORN,
            "/stream?prompt=",
            "data: [DONE]",
        ),
        (
            "FastAPI Streaming\n",
            "Flask Streaming",
            "Frontend JavaScript Client",
            _FLASK,
            "/stream?prompt=",
            "data: [DONE]",
        ),
        (
            "X-Accel-Buffering: no\nstops",
            "asyncio.run(main())",
            "X-Accel-Buffering: no",
            _UVICORN,
            "/chat?message=",
            "event: done\ndata: {}",
        ),
    ],
    ids=["FastAPI", "Flask", "FastAPI, async"],
)
async def test_a_server_of_a_tutorial_streams_to_the_end(
    tmp_path: Path,
    words: str,
    begin: str,
    end: str,
    module: tuple[str, ...],
    asked: str,
    ending: str,
) -> None:
    if module is _UVICORN:
        pytest.importorskip("fastapi", reason="fastapi is not installed")
    code = between(tutorial(words), begin, end)
    code = code.partition("python\n")[2] if code.startswith("\npython") else code
    if "\n    " not in code:
        code = indented(code)
    async with MockServer(speed=100) as mock:
        async with serving(tmp_path, code, module, mock.url) as url:
            timeout = aiohttp.ClientTimeout(total=HANG_S)
            async with aiohttp.ClientSession(timeout=timeout) as client:
                async with client.get(f"{url}{asked}Count to 5") as response:
                    assert response.status == 200
                    assert response.content_type == "text/event-stream"
                    body = await response.text()
        assert len(mock.received) == 1
    assert body.endswith(f"\n\n{ending}\n\n")
    answer = body.removesuffix(f"{ending}\n\n")
    assert "".join(re.findall(r"^data: (.*)$", answer, re.MULTILINE)) == "1, 2, 3, 4, 5"


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


async def test_indentation_that_was_lost_is_found_again() -> None:
    code = _lines(
        "import x",
        "@app.get('/')",
        "def f():",
        "    def g():",
        "        with h(",
        "            a=[{}],",
        "        ) as s:",
        "            for t in s:",
        "                yield t",
        "            yield 1",
        "    return g()",
    )
    assert indented(re.sub("(?m)^ +", "", code)) == code
