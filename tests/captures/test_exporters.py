"""What is exported gives the run back, is valid for its readers, and leaves the key open."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import playbook as pb
from tests.captures.files_to_import import replay
from tests.limits import HANG_S
from tests.streams import cuts, json_values, legal_bytes
from tests.sweeps import few
from tui.captures.exporters import EXPORTS, Material, NotAvailable, export
from tui.captures.importers import load
from tui.captures.material import file_name
from tui.captures.recording import Recording
from tui.captures.redact import MASK, redact_json
from tui.core.records import Chunk, JsonObject
from tui.core.session import Run, Session
from tui.core.state import End

REQUEST: Final[JsonObject] = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 1024,
    "messages": [
        {"role": "user", "content": 'it\'s "q" \\ $HOME `x` h\u00e9\nJSON\n\U0001f30d \ud800'}
    ],
    "system": "be brief",
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "temperature": None,
    "metadata": {"on": True},
}
EVENTS: Final = [
    pb.message_start(),
    *[pb.thinking_start(0), pb.thinking(0, "let me\nsee"), pb.block_stop(0)],
    *pb.text_block(1, "Look:\n```py\n", "x = `1`\n```\n", "done\x1b[31m"),
    *pb.tool_block(2, '{"city"', ': "Paris"}'),
    *pb.ending("tool_use"),
]
CHUNKS: Final = [Chunk(n * 400_000_000, pb.sse(event)) for n, event in enumerate(EVENTS, 1)]


def session_of(chunks: list[Chunk], *, timed: bool = True, how: End | None = "eof") -> Session:
    session = Session(timed=timed)
    for t_ns, data in chunks:
        session.feed(t_ns, data)
    if how is not None:
        error = None if how == "eof" else {"type": "connection_lost", "message": "gone"}
        session.finish(chunks[-1].t_ns if chunks else 0, how, error)
    return session


def material(run: Run | None = None, **known: Any) -> Material:  # noqa: ANN401
    defaults: dict[str, Any] = {
        "title": "What's the weather?",
        "request": REQUEST,
        "created": "2026-11-20T12:00:00Z",
        "tool": "streamscope 9.9",
    }
    return Material(run=run or session_of(CHUNKS).run, **(defaults | known))


def write(kind: str, what: Material) -> bytes:
    return EXPORTS[kind].write(what)


def imported(folder: Path, kind: str, what: Material) -> Recording:
    path = folder / f"x{EXPORTS[kind].extension}"
    path.write_bytes(write(kind, what))
    loaded = load(path)
    assert loaded.warnings == []
    (found,) = loaded.recordings
    return found


# --- round trips ----------------------------------------------------------------------------------


def test_a_capture_replays_with_the_same_chunks_and_times(tmp_path: Path) -> None:
    known: dict[str, Any] = {
        "url": "https://host/v1/messages",
        "headers": {"a": "b"},
        "method": "POST",
    }
    what = material(**known, status=200, response_headers={"c": "d"})
    found = imported(tmp_path, "capture", what)
    assert list(found.chunks()) == CHUNKS
    assert (found.how, found.timed, found.end_ns) == ("eof", True, CHUNKS[-1].t_ns)
    assert found.request == REQUEST
    assert (found.url, found.headers, found.status) == ("https://host/v1/messages", {"a": "b"}, 200)
    assert found.response_headers == {"c": "d"}
    first = json.loads(write("capture", what).splitlines()[0])
    assert first == {"streamscope": 1, "created": what.created, "tool": what.tool}
    assert replay(found).metrics() == what.run.metrics()


@given(st.lists(st.tuples(st.integers(0, 2**40), st.binary(min_size=1, max_size=40)), max_size=8))
def test_any_chunks_come_back_from_a_capture(
    tmp_path_factory: pytest.TempPathFactory, reads: list[tuple[int, bytes]]
) -> None:
    chunks = [Chunk(t_ns, data) for t_ns, data in sorted(reads)]
    run = session_of(chunks).run
    found = imported(tmp_path_factory.mktemp("x"), "capture", material(run))
    assert list(found.chunks()) == chunks


@pytest.mark.parametrize("how", ["reset", "timeout", "cancelled", "interrupted", "http_error"])
def test_the_end_comes_back_from_a_capture(tmp_path: Path, how: End) -> None:
    what = material(session_of(CHUNKS[:4], how=how).run, request=None)
    found = imported(tmp_path, "capture", what)
    assert (found.how, found.error, found.request) == (how, what.run.error, None)


def test_a_run_that_goes_on_is_saved_as_interrupted(tmp_path: Path) -> None:
    found = imported(tmp_path, "capture", material(session_of(CHUNKS[:4], how=None).run))
    assert (found.how, found.end_ns) == ("interrupted", None)


def test_made_up_times_stay_made_up(tmp_path: Path) -> None:
    found = imported(tmp_path, "capture", material(session_of(CHUNKS, timed=False).run))
    assert not found.timed
    assert list(found.chunks()) == CHUNKS


@settings(max_examples=few(15))
@given(legal_bytes(), st.data())
def test_the_body_comes_back_from_every_export_that_has_it(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("x")
    pieces = [piece for piece in data.draw(cuts(body)) if piece]
    session = session_of([Chunk(n, piece) for n, piece in enumerate(pieces)])
    for number, run in enumerate(session.runs):
        what = material(run)
        for kind in ("sse", "capture", "har"):
            found = imported(folder, kind, what)
            assert b"".join(piece for _, piece in found.chunks()) == what.body, (kind, number)
            again = replay(found)
            assert (again.status, again.state.message_json()) == (
                run.status,
                run.state.message_json(),
            )
    assert b"".join(material(run).body for run in session.runs) == body


def test_recorded_streams_come_back(tmp_path: Path, corpus: list[Path]) -> None:
    for path in corpus[::4]:
        (recording,) = load(path).recordings
        run = replay(recording)
        for kind in ("sse", "capture", "har", "events"):
            again = replay(imported(tmp_path, kind, material(run)))
            message = run.state.message_json()
            masked = redact_json(message) if kind == "events" else message
            assert again.state.message_json() == masked, (kind, path)
            assert again.status == run.status


def test_two_messages_in_one_read_are_two_exports() -> None:
    one, two = pb.wire(*EVENTS), pb.wire(pb.message_start(id="msg_2"), *pb.ending())
    middle = len(one)
    both = one + two
    session = session_of([Chunk(5, both[: middle - 9]), Chunk(6, both[middle - 9 :])])
    first, second = (material(run) for run in session.runs)
    assert (write("sse", first), write("sse", second)) == (one, two)
    assert [chunk.t_ns for chunk in first.chunks()] == [5, 6]
    assert list(second.chunks()) == [Chunk(6, two)]


def test_events_come_back_as_the_same_message(tmp_path: Path) -> None:
    what = material()
    again = replay(imported(tmp_path, "events", what))
    assert again.state.message_json() == what.run.state.message_json()
    assert again.state.counts == what.run.state.counts
    assert [json.loads(line) for line in write("events", what).splitlines()] == EVENTS


def test_events_that_are_none_are_kept_as_text() -> None:
    body = b": hi\n\ndata: [DONE]\n\nevent: odd\ndata: {x\n\ndata: cut"
    run = session_of([Chunk(0, pb.sse(pb.message_start()) + body)]).run
    lines = [json.loads(line) for line in write("events", material(run)).splitlines()]
    assert lines[1:] == [
        {"type": "odd", "raw": "event: odd\ndata: {x\n\n"},
        {"type": "cut-off", "raw": "data: cut"},
    ]


def test_a_body_that_is_not_utf_8(tmp_path: Path) -> None:
    body = pb.wire(*EVENTS) + b": \xff\n\n"
    what = material(session_of([Chunk(0, body)]).run)
    content = json.loads(write("har", what))["log"]["entries"][0]["response"]["content"]
    assert (content["encoding"], content["size"]) == ("base64", len(body))
    assert b"".join(data for _, data in imported(tmp_path, "har", what).chunks()) == body


# --- the message ----------------------------------------------------------------------------------


def test_the_message() -> None:
    what = material()
    assert json.loads(write("message", what)) == what.run.state.message_json()
    assert write("message", what).isascii()
    with pytest.raises(NotAvailable, match="no message"):
        write("message", material(session_of([]).run))


# --- HAR ------------------------------------------------------------------------------------------


def test_har() -> None:
    what = material(url="https://host/v1/messages?beta=true&key=abc", status=200)
    log = json.loads(write("har", what))["log"]
    assert (log["version"], log["creator"]) == ("1.2", {"name": "streamscope", "version": "9.9"})
    (entry,) = log["entries"]
    assert entry["startedDateTime"] == "2026-11-20T12:00:00Z"
    assert entry["time"] == sum(entry["timings"].values()) == 400 * len(CHUNKS)
    request, response = entry["request"], entry["response"]
    assert json.loads(request["postData"]["text"])["system"] == "be brief"
    assert request["queryString"] == [
        {"name": "beta", "value": "true"},
        {"name": "key", "value": MASK},
    ]
    assert "abc" not in request["url"]
    assert (response["status"], response["statusText"]) == (200, "OK")
    assert "comment" not in entry and "_error" not in entry


FINDING: Final[JsonObject] = {
    "code": "stall",
    "level": "warning",
    "text": "Nothing came for 4.1 s, key sk-ant-1234567890.",
    "advice": "Look at the network.",
    "events": [3],
    "values": {"longest_s": 4.1},
}


def test_findings_go_with_har_and_markdown() -> None:
    what = material(findings=[FINDING])
    (entry,) = json.loads(write("har", what))["log"]["entries"]
    masked = FINDING | {"text": f"Nothing came for 4.1 s, key {MASK}."}
    assert entry["_streamscope"] == {"findings": [masked]}
    assert (
        write("markdown", what)
        .decode()
        .endswith(
            "\n\n## Findings\n\n"
            f"- **warning** `stall` Nothing came for 4.1 s, key {MASK}. *Look at the network.*\n"
        )
    )


def test_har_of_a_run_that_failed_and_has_no_times() -> None:
    run = session_of(CHUNKS[:3], timed=False, how="reset").run
    (entry,) = json.loads(write("har", material(run, request=None, status=529)))["log"]["entries"]
    assert (entry["time"], entry["comment"]) == (0, "the times are not known")
    assert entry["_error"]["message"] == "gone"
    assert "postData" not in entry["request"]
    assert (entry["response"]["status"], entry["response"]["statusText"]) == (529, "")


# --- the request ----------------------------------------------------------------------------------

BASH: Final = shutil.which("bash")


def shell(script: bytes, folder: Path) -> tuple[list[str], bytes]:
    """Run a script in which curl is a stand-in; return what it was given."""
    stand_in = folder / "curl"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\0" "$@" >args\ncat >input\n')
    stand_in.chmod(0o755)
    path = folder / "script.sh"
    path.write_bytes(script)
    assert BASH is not None
    subprocess.run(
        [BASH, str(path)],
        cwd=folder,
        env={"PATH": f"{folder}:/usr/bin:/bin", "ANTHROPIC_API_KEY": "k3y"},
        check=True,
        timeout=HANG_S,
    )
    return (folder / "args").read_text().split("\0")[:-1], (folder / "input").read_bytes()


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_curl_sends_the_request(tmp_path: Path) -> None:
    headers = {"Anthropic-Beta": "a, 'b'", "x-api-key": "sk-ant-secret", "user-agent": "x"}
    url = "https://host/v1/messages?x='$(touch pwned)"
    script = write("curl", material(headers=headers, url=url))
    assert b"secret" not in script
    arguments, sent = shell(script, tmp_path)
    assert arguments == [
        *("--no-buffer", "--url", url),
        *("-H", "x-api-key: k3y"),
        *("-H", "anthropic-version: 2023-06-01"),
        *("-H", "anthropic-beta: a, 'b'"),
        *("-H", "content-type: application/json"),
        *("--data-binary", "@-"),
    ]
    assert json.loads(sent) == {**REQUEST, "stream": True}
    assert not (tmp_path / "pwned").exists()


@pytest.mark.skipif(BASH is None, reason="no bash")
def test_curl_survives_hostile_values(tmp_path: Path) -> None:
    hostile = "'\"\\$(touch pwned)`touch pwned`\nJSON\n\x00\x1b\u2028"
    what = material(
        request={"model": hostile, hostile: hostile},
        headers={"anthropic-beta": hostile.replace("\x00", "")},
        url=f"https://host/{hostile}",
    )
    _, sent = shell(write("curl", what), tmp_path)
    assert json.loads(sent) == {"model": hostile, hostile: hostile, "stream": True}
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("url", [None, "file:///etc/passwd", "-o/x", "http://[bad", ""])
def test_an_address_that_is_none_is_the_apis_own(url: str | None) -> None:
    script = write("curl", material(url=url)).decode()
    assert "--url https://api.anthropic.com/v1/messages \\" in script


class Client:
    """Stands in for the SDK's client."""

    made: list[dict[str, Any]]

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        self.made = [options]
        self.messages = self
        Client.last = self

    def create(self, **arguments: Any) -> list[str]:  # noqa: ANN401
        self.made.append(arguments)
        return ["event"]

    last: Client


def run_python(source: bytes, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k3y")
    tree = ast.parse(source)
    # The import of the SDK is left out: the name is given.
    tree.body = [node for node in tree.body if "anthropic" not in ast.dump(node)[:60]]
    sdk = type("anthropic", (), {"Anthropic": Client})
    exec(compile(tree, "x", "exec"), {"anthropic": sdk})
    return Client.last.made


def test_python_sends_the_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    what = material(url="http://127.0.0.1:80/v1/messages", headers={"anthropic-beta": "a'b"})
    options, sent = run_python(write("python", what), monkeypatch)
    assert options == {
        "api_key": "k3y",
        "base_url": "http://127.0.0.1:80",
        "default_headers": {"anthropic-beta": "a'b"},
    }
    extra = sent.pop("extra_body")
    assert sent.pop("stream") is True
    assert {**sent, **extra} == REQUEST
    assert capsys.readouterr().out == "event\n"


def test_python_of_a_plain_request(monkeypatch: pytest.MonkeyPatch) -> None:
    request = {"model": "m", "max_tokens": 1, "messages": [], "stream": True}
    options, sent = run_python(write("python", material(request=request)), monkeypatch)
    assert options == {"api_key": "k3y"}
    assert sent == request


@given(st.dictionaries(st.text(), json_values(st.text()), max_size=4))
def test_any_request_is_valid_python_and_json(request: dict[str, Any]) -> None:
    what = material(request=request)
    ast.parse(write("python", what))
    body = write("curl", what).decode().split("<<'JSON'\n")[1].removesuffix("\nJSON\n")
    json.loads(body)
    assert "\nJSON\n" not in body


@pytest.mark.parametrize("kind", ["curl", "python"])
def test_a_request_that_is_not_known(kind: str) -> None:
    with pytest.raises(NotAvailable, match="has no request"):
        write(kind, material(request=None))


# --- Markdown -------------------------------------------------------------------------------------


def test_markdown() -> None:
    text = write("markdown", material()).decode()
    assert (
        text
        == f"""\
# What's the weather?

- Model: claude-sonnet-5-5
- Status: complete
- Stop reason: tool_use
- Tokens: 25 in, 65 out
- First token: 1.20s, total: {0.4 * len(CHUNKS):.2f}s

## System

be brief

## User

it's "q" \\ $HOME `x` h\u00e9
JSON
\U0001f30d <U+D800>

## Answer

> *Thinking*
>
> let me
> see

Look:
```py
x = `1`
```
done\u241b[31m

**Tool call** `get_weather`

```json
{{
  "city": "Paris"
}}
```
""".replace("65 out", f"{material().run.state.usage['output_tokens']} out")
    )


def test_markdown_of_a_conversation_with_everything() -> None:
    request = {
        "system": [{"type": "text", "text": "be brief"}, 5],
        "messages": [
            {"role": "user", "content": [{"type": "image", "source": {"data": "x" * 9000}}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "name": "a`b", "input": {"api_key": "abc"}},
                    {"type": "thinking", "thinking": ""},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "content": "````\nx"}]},
            {"role": "user", "content": [{"type": "web_search_tool_result", "content": [1]}]},
            {"role": 5, "content": {"odd": True}},
            "odd",
        ],
    }
    text = write("markdown", material(request=request)).decode()
    assert "**Tool call** `a'b`" in text
    assert "abc" not in text
    assert "`````\n````\nx\n`````" in text
    assert "(not shown by the API)" in text
    assert len(text) < 8_000
    assert text.count("**Tool result**") == 2
    assert "## Message" in text


def test_markdown_of_runs_that_went_wrong() -> None:
    half = [*EVENTS[:4], pb.tool_start(5), pb.fragment(5, '{"cut')]
    run = session_of([Chunk(n, pb.sse(event)) for n, event in enumerate(half)], how="reset").run
    text = write("markdown", material(run, request={"messages": 5})).decode()
    assert '```json\n{"cut\n```' in text
    assert "## Error" in text and "gone" in text
    nothing = session_of([], timed=False).run
    text = write("markdown", material(nothing, request=None)).decode()
    assert "- Times: not known" in text and "- Status: empty" in text


# --- asciicast ------------------------------------------------------------------------------------


def cast(what: Material) -> tuple[JsonObject, list[list[Any]]]:
    header, *events = (json.loads(line) for line in write("asciicast", what).splitlines())
    return header, events


def test_asciicast() -> None:
    header, events = cast(material())
    assert header == {
        **{"version": 2, "width": 80, "height": 24, "title": "What's the weather?"},
        "timestamp": 1795176000,
    }
    assert {kind for _, kind, _ in events} == {"o"}
    assert [at for at, _, _ in events] == sorted(at for at, _, _ in events)
    assert events[0] == [2.4, "o", "Look:\r\n```py"]
    text = "".join(text for _, _, text in events)
    assert text.startswith("Look:\r\n```py\r\nx = `1`\r\n```\r\ndone\u241b[31m")
    assert text.endswith('\u2192 get_weather {"city": "Paris"}\r\n')
    assert "\x1b" not in text


def test_asciicast_without_times_says_so() -> None:
    run = session_of(CHUNKS, timed=False).run
    header, _ = cast(material(run, created="no date"))
    assert header["title"] == "What's the weather? (synthetic timing)"
    assert "timestamp" not in header


def test_asciicast_of_interleaved_blocks_and_a_cut() -> None:
    events = [
        pb.message_start(),
        *(pb.text_start(0), pb.tool_start(1), pb.text_start(2)),
        *(pb.text(2, "second"), pb.text(0, "first"), pb.fragment(1, "{"), pb.text(2, " cut")),
    ]
    run = session_of([Chunk(n, pb.sse(event)) for n, event in enumerate(events)], how="reset").run
    _, found = cast(material(run))
    text = "".join(piece for _, _, piece in found)
    assert text == "first\r\n\u2192 get_weather {\r\nsecond cut\r\n"
    assert cast(material(session_of([]).run))[1] == []


def test_asciicast_with_a_secret_over_pieces_goes_by_lines() -> None:
    pieces = ["one\ntwo sk-a", "nt-secret", " three\n", "four"]
    events = [pb.message_start(), *pb.text_block(0, *pieces), *pb.ending()]
    run = session_of([Chunk(n * 10**9, pb.sse(event)) for n, event in enumerate(events)]).run
    _, found = cast(material(run))
    assert found == [
        [2.0, "o", "one\r\n"],
        [5.0, "o", f"two {MASK} three\r\n"],
        [8.0, "o", "four\r\n"],
    ]


# --- the table ------------------------------------------------------------------------------------


def test_the_table() -> None:
    assert list(EXPORTS) == [
        *("capture", "sse", "message", "markdown", "events"),
        *("har", "asciicast", "curl", "python"),
    ]
    for kind, entry in EXPORTS.items():
        name, data = export(kind, material())
        assert name == f"streamscope-20261120T120000Z-what-s-the-weather{entry.extension}"
        assert data == entry.write(material())
        assert entry.title
    with pytest.raises(KeyError):
        export("pdf", material())


@pytest.mark.parametrize(
    ("title", "created", "name"),
    [
        (
            "../../etc/passwd\x1b\n",
            "2026-11-20T12:00:00Z",
            "streamscope-20261120T120000Z-etc-passwd.x",
        ),
        ("\u4f60\u597d", "?", "streamscope-run.x"),
        ("a" * 99, "", f"streamscope-run-{'a' * 40}.x"),
        ("Bearer abc123DEF", "", "streamscope-run-bearer-redacted.x"),
    ],
)
def test_names_of_files(title: str, created: str, name: str) -> None:
    assert file_name(material(title=title, created=created), ".x") == name


@settings(max_examples=few(15))
@given(st.binary(max_size=300) | legal_bytes())
def test_no_body_makes_an_export_fail(body: bytes) -> None:
    for run in session_of([Chunk(0, body)]).runs:
        for kind in EXPORTS:
            try:
                write(kind, material(run))
            except NotAvailable:
                assert kind == "message"
