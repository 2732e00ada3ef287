"""Install the clients and run their programs: `python -m tests.clients [NAME ...]`."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.relay.stage import relay_to
from tests.servers import MockServer

FOLDER: Final = Path(".clients")
PROGRAMS: Final = Path(__file__).parent / "programs"
INSTALL_S: Final = 600
RUN_S: Final = 120
# Nothing of the user's own: no key, no proxy, no base URL.
KEPT: Final = ("PATH", "HOME", "LANG", "TMPDIR")


class Client(NamedTuple):
    """A client: its name, what is installed, and the program that uses it."""

    name: str
    packages: tuple[str, ...]
    program: str

    @property
    def is_python(self) -> bool:
        return self.program.endswith(".py")

    @property
    def folder(self) -> Path:
        return FOLDER / self.name


CLIENTS: Final = (
    Client("anthropic", ("anthropic>=2,<3",), "with_anthropic.py"),
    Client("pydantic-ai", ("pydantic-ai-slim[anthropic]>=2,<3",), "with_pydantic_ai.py"),
    Client("langchain", ("langchain-anthropic>=1,<2",), "with_langchain.py"),
    Client("litellm", ("litellm>=1,<2", "mcp"), "with_litellm.py"),
    Client("instructor", ("instructor>=1,<2", "anthropic>=2,<3"), "with_instructor.py"),
    Client("typescript-sdk", ("@anthropic-ai/sdk@1", "zod@4"), "with_typescript_sdk.mjs"),
    Client("ai-sdk", ("ai", "@ai-sdk/anthropic", "zod@4"), "with_ai_sdk.mjs"),
)


def install(client: Client) -> str:
    """Install a client, unless it is there; return what went wrong, empty if nothing did."""
    stamp = client.folder / "installed"
    wanted = "\n".join(client.packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return ""
    shutil.rmtree(client.folder, ignore_errors=True)
    client.folder.mkdir(parents=True)
    if client.is_python:
        python = client.folder / "venv/bin/python"
        steps: list[list[str]] = [
            [sys.executable, "-m", "venv", str(client.folder / "venv")],
            [str(python), "-m", "pip", "install", "--quiet", *client.packages],
        ]
    else:
        to = ["--prefix", str(client.folder), "--silent", "--no-audit", "--no-fund"]
        steps = [["npm", "install", *to, *client.packages]]
    for step in steps:
        try:
            subprocess.run(step, check=True, timeout=INSTALL_S, capture_output=True, text=True)
        except FileNotFoundError:
            return f"there is no {step[0]}"
        except subprocess.TimeoutExpired:
            return f"{step[0]} took more than {INSTALL_S} s"
        except subprocess.CalledProcessError as error:
            return str(error.stderr).strip()[-500:]
    stamp.write_text(wanted)
    return ""


async def run(client: Client, url: str) -> bool:
    """Run a client's program, with what it says; return whether all was right."""
    program = PROGRAMS / client.program
    command = [str(client.folder / "venv/bin/python"), str(program)]
    if not client.is_python:
        # A module is looked for beside the program that imports it.
        for source in PROGRAMS.glob("*.mjs"):
            shutil.copy(source, client.folder)
        command = ["node", str(client.folder / client.program)]
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    env |= {"MOCK_URL": url, "NO_PROXY": "127.0.0.1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    process = await asyncio.create_subprocess_exec(*command, env=env)
    try:
        async with asyncio.timeout(RUN_S):
            return await process.wait() == 0
    except TimeoutError:
        print(f"  WRONG not done after {RUN_S} s", flush=True)
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def main(names: Sequence[str]) -> int:
    """Run the clients with these names, or all of them; return the exit status."""
    known = {client.name: client for client in CLIENTS}
    if strange := [name for name in names if name not in known]:
        print(f"no such client: {strange[0]} (there are: {', '.join(known)})", file=sys.stderr)
        return 2
    outcomes: list[tuple[str, str]] = []
    async with MockServer(speed=math.inf) as server, relay_to(server.url) as relay:
        for client in (known[name] for name in names or known):
            print(f"{client.name}: {', '.join(client.packages)}", flush=True)
            if problem := await asyncio.to_thread(install, client):
                print(f"  not installed: {problem}")
                outcomes.append((client.name, "not installed"))
                continue
            wrong = []
            for way, url in (("directly", server.url), ("through the relay", relay.url)):
                print(f" {way}", flush=True)
                if not await run(client, url):
                    wrong.append(way)
            outcomes.append((client.name, f"WRONG {' and '.join(wrong)}" if wrong else "ok"))
    print()
    for name, outcome in outcomes:
        print(f"{name:<16}{outcome}")
    return 1 if any(outcome.startswith("WRONG") for _, outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
