"""Packages of npm for tests that run Node.js: from a folder that has them, or skipped in words.

They are looked for in the folder that `STREAMSCOPE_NODE_MODULES` names, a `node_modules`. With
`STREAMSCOPE_NPM=1` they are installed from the npm registry instead: no test needs a network
without being asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

SDK: Final = "@anthropic-ai/sdk"
_INSTALL_S: Final = 180
_RUN_S: Final = 60


def need_packages(folder: Path, *packages: str) -> None:
    """Put packages into a folder, or skip where there is no way to."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    known = os.environ.get("STREAMSCOPE_NODE_MODULES", "")
    if known and all((Path(known) / one / "package.json").is_file() for one in packages):
        (folder / "node_modules").symlink_to(Path(known).resolve())
        return
    if os.environ.get("STREAMSCOPE_NPM") != "1":
        pytest.skip(
            f"{', '.join(packages)}: name a node_modules folder with it in "
            "STREAMSCOPE_NODE_MODULES, or set STREAMSCOPE_NPM=1 to install it from the npm registry"
        )
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    # The tests' home folder is empty: which registry to ask is in the user's own.
    settings = Path(pwd.getpwuid(os.getuid()).pw_dir) / ".npmrc"
    environment = {**os.environ, "NPM_CONFIG_USERCONFIG": str(settings)}
    (folder / "package.json").write_text('{"private": true}')
    command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_INSTALL_S,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"the npm registry gave no answer in {_INSTALL_S} s")
    if done.returncode:
        pytest.skip(f"npm install failed: {done.stderr.strip()[-300:]}")


async def run_node(folder: Path, script: str, url: str) -> dict[str, Any]:
    """Run a script against a server, and return the object that it prints."""
    node = shutil.which("node")
    assert node is not None
    (folder / "script.mjs").write_text(script)
    process = await asyncio.create_subprocess_exec(
        node,
        "script.mjs",
        cwd=folder,
        env={**os.environ, "MOCK_URL": url},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), _RUN_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    result = json.loads(out)
    assert isinstance(result, dict)
    return result
