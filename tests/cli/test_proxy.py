"""`streamscope proxy --headless`: the relay as a program, with a command and without."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.command_line import mock_in_a_thread, run_command
from tests.limits import HANG_S
from tests.servers import MockServer
from tui.captures.capture_file import load_capture

COMMAND: Final = (sys.executable, "-c", "from tui.cli.main import main; main()")
ASKS: Final = """
import json, os, sys, urllib.request
base = os.environ["ANTHROPIC_BASE_URL"]
headers = {"x-api-key": "sk-ant-canary", "anthropic-version": "2023-06-01"}
def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    return json.load(urllib.request.urlopen(urllib.request.Request(base + path, data, headers)))
print(base)
model = sys.argv[2] if len(sys.argv) > 2 else "scenario:plain"
ask = {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
print(call("/v1/messages", ask)["usage"]["output_tokens"])
call("/v1/models")
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def mock() -> Iterator[MockServer]:
    with mock_in_a_thread() as running:
        yield running


@contextmanager
def proxied(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The program, killed at the end if it still runs."""
    process = subprocess.Popen(
        [*COMMAND, "proxy", "--headless", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_command_is_run_with_the_relay_as_its_base_url(mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    script = [sys.executable, "-c", ASKS, "7"]
    with proxied("--upstream", mock.url, "--record", path, "--", *script) as process:
        out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 7
    base, tokens = out.split()
    said = err.splitlines()
    assert said[0] == f"streamscope: relaying {base.rstrip('/')} to {mock.url}"
    assert said[1] == f"streamscope: recording to {path}"
    assert said[2].endswith(f"relayed 1 request for messages, 1 other; recorded in {path}")
    (run,) = load_capture(path).recordings
    assert run.status == 200 and not run.streamed and int(tokens) > 0
    assert "canary" not in path.read_text()


def test_without_a_command_it_relays_until_it_is_told_to_stop(
    mock: MockServer, tmp_path: Path
) -> None:
    with proxied("--upstream", mock.url) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline().strip() for _ in range(4)]
        url = lines[0].split()[2]
        path = Path(lines[1].removeprefix("streamscope: recording to "))
        assert lines[2].endswith(f"export ANTHROPIC_BASE_URL={url}")
        assert lines[3].endswith(f"streamscope open --follow {path}")
        asked = {**os.environ, "ANTHROPIC_BASE_URL": url}
        subprocess.run([sys.executable, "-c", ASKS, "0"], env=asked, check=True, timeout=HANG_S)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert str(path).startswith(os.environ["XDG_STATE_HOME"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(load_capture(path).recordings) == 1


def test_a_signal_goes_to_the_command_and_its_status_comes_back(
    mock: MockServer, tmp_path: Path
) -> None:
    waits = "import signal, sys\nprint('here', flush=True)\nsignal.pause()\n"
    script = [sys.executable, "-c", waits]
    with proxied("--upstream", mock.url, "--record", tmp_path / "x", "--", *script) as process:
        assert process.stdout is not None and process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANG_S)
    assert process.returncode == 128 + signal.SIGTERM


PAGE: Final = """
import json, os, sys, urllib.error, urllib.request
base = os.environ["ANTHROPIC_BASE_URL"]
page = open(sys.argv[1]).read().split("in a browser: ")[1].split()[0]
def ask(url, **headers):
    data = json.dumps({"prompt": "Count to 3"}).encode()
    request = urllib.request.Request(url, data, headers)
    try:
        return urllib.request.urlopen(request).read().decode()
    except urllib.error.HTTPError as error:
        return str(error.code)
chat = page.replace("/?", "/api/chat?")
assert page.startswith(base + "/?token=")
assert b"<html" in urllib.request.urlopen(page).read()
print(ask(base + "/api/chat"))
print(ask(base + "/api/chat?token=x"))
print(ask(chat, origin="http://evil.example"))
print(ask(chat, **{"sec-fetch-site": "cross-site"}))
print(ask(chat, host="evil.example"))
print(ask(base + "/v1/messages", origin=base))
print(ask(chat, origin=base)[-14:].strip())
"""


@pytest.mark.parametrize("variable", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
def test_its_page_alone_spends_the_key_of_the_environment(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "canary-of-mine")
    kept, said = tmp_path / "kept.jsonl", tmp_path / "said"
    with mock_in_a_thread() as mock, said.open("w") as err:
        script = [sys.executable, "-c", PAGE, str(said)]
        command = ["--upstream", mock.url, "--record", str(kept), "--browser", "--", *script]
        ended = subprocess.run(
            [*COMMAND, "proxy", "--headless", *command],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
            timeout=HANG_S,
        )
    assert ended.returncode == 0, said.read_text()
    refused = ["403", "403", "403", "403", "421", "403"]
    assert ended.stdout.split("\n") == [*refused, "data: [DONE]", ""]
    # What the page asked for is recorded as any other request is, and nothing else was asked.
    (run,) = load_capture(kept).recordings
    assert run.status == 200 and run.request is not None
    assert run.request["messages"][0]["content"] == "Count to 3"
    assert "canary-of-mine" not in kept.read_text() + said.read_text()


@pytest.mark.parametrize("key", ["", " ", "two\nlines", "schl\u00fcssel"])
def test_a_page_without_a_key_is_one_line(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    result = run_command(monkeypatch, "proxy", "--headless", "--browser")
    assert result.status == 2 and "ANTHROPIC_API_KEY" in result.one_line()


def test_what_was_going_on_when_it_ends_is_interrupted(mock: MockServer, tmp_path: Path) -> None:
    path = tmp_path / "kept.jsonl"
    with proxied("--upstream", mock.url, "--record", path) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[2]
        asked = {**os.environ, "ANTHROPIC_BASE_URL": url}
        script = [sys.executable, "-c", ASKS, "0", "scenario:plain!slow-start:600"]
        client = subprocess.Popen(script, env=asked, stderr=subprocess.PIPE)
        while not path.exists() or b'"request"' not in path.read_bytes():
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=HANG_S)
        _, said = client.communicate(timeout=HANG_S)
    assert process.returncode == 130
    assert b"RemoteDisconnected" in said or b"ConnectionReset" in said
    last = json.loads(path.read_text().splitlines()[-1])
    assert last["k"] == "end" and last["how"] in ("cancelled", "interrupted")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--upstream", "nowhere"], "'nowhere' is no base URL"),
        (["--max-size", "3"], "not a size"),
        (["--force"], "--force needs --record"),
        (["--port", "1", "--port", "2"], "--port is given twice"),
        (["--record", "/no/such/folder/x"], "there is no folder"),
        (["--record", "KEPT", "--", "no-such-command"], "no-such-command: no such command"),
        (["--record", "KEPT", "--", "/no/such/command"], "/no/such/command: no such command"),
        (["--record", "KEPT", "--", "/"], "/: cannot be run"),
    ],
)
def test_what_cannot_be_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [str(tmp_path / "kept") if one == "KEPT" else one for one in arguments]
    result = run_command(monkeypatch, "proxy", "--headless", *given)
    assert result.status == 2 and said in result.one_line()
    assert not list(tmp_path.iterdir())


def test_without_a_terminal_it_says_what_to_use(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run_command(monkeypatch, "proxy")
    assert result.status == 2
    assert result.one_line() == "there is no terminal for the screen: use --headless"


def test_a_port_that_is_taken_is_one_line(mock: MockServer, tmp_path: Path) -> None:
    with proxied("--port", str(mock.port), "--record", tmp_path / "x") as process:
        _, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 2
    assert err.startswith(f"streamscope: port {mock.port}: ") and err.count("\n") == 1
