"""Test set-up: a private environment, no network, Hypothesis profiles, the corpus."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.handing_out import in_order

ROOT = Path(__file__).resolve().parent.parent

# The default is repeatable and quick. To search: pytest --hypothesis-profile fuzz tests/test_x.py
# There, sweeps are exhaustive as well (tests/sweeps.py).
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=25,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", 5_000)),
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

_CORPUS_VARIABLE = "STREAMSCOPE_CORPUS"
_KEPT = {
    _CORPUS_VARIABLE,
    "STREAMSCOPE_NODE_MODULES",  # Where the TypeScript SDK is, or that it may be fetched.
    "STREAMSCOPE_NPM",
    "STREAMSCOPE_TUTORIALS",  # Where the texts of tutorials are.
    "TEXTUAL_SNAPSHOT_TEMPDIR",  # Where the workers report to.
}
_DROPPED_PREFIXES = ("ANTHROPIC_", "CLAUDE_", "CLICOLOR", "LC_", "STREAMSCOPE_", "TEXTUAL", "XDG_")
_DROPPED = {"COLORTERM", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TERM_PROGRAM", "TMUX"}
# Else every program that a test starts compiles all of its modules again.
_DROPPED |= {"PYTHONDONTWRITEBYTECODE"}

_patch = pytest.MonkeyPatch()
_home: list[str] = []


class NetworkBlocked(RuntimeError):
    """A test tried to reach a host other than this machine."""


def pytest_configure(config: pytest.Config) -> None:
    """Leave the user's world behind, before any module under test reads it at import."""
    # Where there is xdist: its own order is by the number of tests alone.
    config.option.loadscopereorder = False
    for name in list(os.environ):
        if name in _KEPT:
            continue
        proxy = name.lower().endswith("_proxy")
        if proxy or name in _DROPPED or name.startswith(_DROPPED_PREFIXES):
            _patch.delenv(name)
    home = tempfile.mkdtemp(prefix="streamscope-home-")
    _home.append(home)
    _patch.setenv("HOME", home)
    for name in ("CACHE", "CONFIG", "DATA", "STATE"):
        _patch.setenv(f"XDG_{name}_HOME", f"{home}/{name.lower()}")
    # COLUMNS and LINES stay unset: they would overrule the size of a test's pseudo-terminal.
    _patch.setenv("TERM", "xterm-256color")
    _patch.setenv("COLORTERM", "truecolor")
    _patch.setenv("LC_ALL", "C.UTF-8")
    _patch.setenv("TZ", "UTC")
    time.tzset()
    _block_network()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Import without looking for garbage, and never look for it among what was imported."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()
        _parse_styles_once()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests in the order in which workers get them."""
    if hasattr(config, "workerinput"):
        items[:] = in_order(items)


def _parse_styles_once() -> None:
    """Have every app of this process share what Textual has parsed of its style sheets."""
    if "textual" not in sys.modules:
        return
    from textual.css.model import RuleSet
    from textual.css.stylesheet import Stylesheet

    parse = Stylesheet._parse_rules
    parsed: dict[tuple[object, ...], list[RuleSet]] = {}

    def parse_rules(self: Stylesheet, *given: Any, **named: Any) -> list[RuleSet]:  # noqa: ANN401
        key = (given, *sorted(named.items()), *self._variables.items())
        if key not in parsed:
            parsed[key] = parse(self, *given, **named)
        return parsed[key]

    _patch.setattr(Stylesheet, "_parse_rules", parse_rules)


def pytest_unconfigure() -> None:
    """Put the environment and the socket functions back."""
    _patch.undo()
    for home in _home:
        shutil.rmtree(home, ignore_errors=True)


def _block_network() -> None:
    """Refuse connections and name look-ups that would leave this machine, in this process."""
    for name in ("connect", "connect_ex", "sendto"):
        _patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        text = host.decode() if isinstance(host, bytes) else host
        if text and text.endswith(".invalid"):
            # Reserved for names that never resolve (RFC 6761): the same answer on every machine.
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if text and not _is_local_name(text):
            raise NetworkBlocked(f"name look-up of {text}")
        return resolve(host, *args, **kwargs)

    _patch.setattr(socket, "getaddrinfo", getaddrinfo)


def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *args: Any) -> Any:  # noqa: ANN401
        # The address is the last argument of all three; sockets of other families have no host.
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(args[-1][0]):
            raise NetworkBlocked(f"connection to {args[-1]}")
        return call(self, *args)

    return guarded


def _is_local_name(host: str) -> bool:
    """True where resolving asks nobody: `localhost` and numeric addresses."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    return True


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return ROOT


@pytest.fixture(scope="session")
def corpus() -> list[Path]:
    """Recorded `.sse` streams, sorted; skips where there are none.

    Looked for in the folder `STREAMSCOPE_CORPUS` names, else in `shared/corpus` beside the
    repository.
    """
    folder = Path(os.environ.get(_CORPUS_VARIABLE) or ROOT.parent / "shared" / "corpus")
    files = sorted(folder.rglob("*.sse"))
    if not files:
        pytest.skip(f"no recorded streams in {folder}; name a folder with {_CORPUS_VARIABLE}")
    return files


@pytest.fixture(autouse=True)
def no_known_secrets() -> Iterator[None]:
    """What a live call of one test was made with is no secret of the next one."""
    yield
    from tui.captures.redact import know_secrets

    know_secrets((), {})


@pytest.fixture
def api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, for calls to the loopback API."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
