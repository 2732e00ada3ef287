"""What users install: the wheel's contents, the command in a clean environment, its imports."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pexpect
import pytest

import tui
from tests.limits import HANG_S

# One worker builds and installs for the whole file.
pytestmark = pytest.mark.xdist_group("packaging")

# Each costs a large part of the time to the first paint; none is needed to parse a command line.
LATE_IMPORTS = ("aiohttp", "anthropic", "httpx2", "markdown_it", "textual")

LEAVE_ALTERNATE_SCREEN = "\x1b[?1049l"


def call(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run to the end with no terminal and no input."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=HANG_S,
    )


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel. Uses the build backend that is installed here, so it needs no network."""
    out = tmp_path_factory.mktemp("wheel")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", out, root)
    result = call(sys.executable, *build, cwd=out)
    assert result.returncode == 0, result.stdout + result.stderr
    (path,) = out.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a fresh environment that holds the wheel and nothing else of ours.

    The dependencies come from the environment the tests run in, by a path entry: an editable
    install there is not seen through it. The folder's name has a space on purpose.
    """
    home = tmp_path_factory.mktemp("clean venv")
    python = home / "bin" / "python"
    has_pip = find_spec("pip") is not None  # An environment that uv made has none.
    venv.create(home, symlinks=True, with_pip=not has_pip)  # To have its own takes seconds.
    pip = (sys.executable, "-m", "pip", "--python", python) if has_pip else (python, "-m", "pip")
    result = call(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=home)
    assert result.returncode == 0, result.stdout + result.stderr
    (site,) = (home / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + os.linesep)
    return home / "bin"


def test_wheel_holds_the_package_its_styles_its_scenes_and_its_pages(
    root: Path, wheel: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert archive.read("tui/styles.tcss") == (root / "styles.tcss").read_bytes()
    scenes = {path.name for path in (root / "tui" / "scenarios").glob("*.scene")}
    assert scenes
    assert {f"tui/scenarios/{name}" for name in scenes} <= names
    for folder in ("page", "terminal_page"):
        pages = {path.name for path in (root / "tui" / "serving" / folder).iterdir()}
        assert len(pages) == 3
        assert {f"tui/serving/{folder}/{name}" for name in pages} <= names
    modules = {path.relative_to(root).as_posix() for path in (root / "tui").rglob("*.py")}
    assert modules <= names


def test_wheel_holds_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"tui", f"streamscope-{tui.__version__}.dist-info"}


def test_the_installed_code_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    result = call(installed / "python", "-c", "import tui; print(tui.__file__)", cwd=tmp_path)
    assert Path(result.stdout.strip()).is_relative_to(installed.parent), result.stderr


def test_version(installed: Path, tmp_path: Path) -> None:
    result = call(installed / "streamscope", "--version", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert tui.__version__ in result.stdout


def test_the_demo_runs_without_a_screen(installed: Path, tmp_path: Path) -> None:
    command = ("demo", "plain", "--plain", "--speed", "instant")
    result = call(installed / "streamscope", *command, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert len(result.stdout) > 100
    assert "\x1b" not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_the_screen_starts_and_ends_in_a_terminal(installed: Path, tmp_path: Path) -> None:
    # A style sheet that is missing or wrong ends the app before it draws anything.
    terminal = pexpect.spawn(
        str(installed / "streamscope"),
        ["demo", "plain"],
        cwd=str(tmp_path),
        dimensions=(40, 120),
        encoding="utf-8",
        timeout=HANG_S,
    )
    with terminal:
        terminal.expect_exact("Transcript")
        terminal.send("q")
        terminal.expect_exact(LEAVE_ALTERNATE_SCREEN)
        terminal.expect(pexpect.EOF)
    assert terminal.exitstatus == 0


def test_the_command_line_imports_nothing_heavy(root: Path) -> None:
    code = f"import sys, tui.cli.main; print(*sorted(set({LATE_IMPORTS!r}) & set(sys.modules)))"
    result = call(sys.executable, "-W", "error", "-c", code, cwd=root)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
