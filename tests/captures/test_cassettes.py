"""Cassettes of HTTP recorders: their bodies, their YAML, and what is hostile in it."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from pathlib import Path
from typing import Final

import pytest

from tests.captures.files_to_import import (
    BODIES,
    BODY,
    CASSETTE,
    REQUEST,
    URL,
    body_of,
    interaction,
    ok,
    replay,
    write,
)
from tui.captures.importers import (
    ImportFailure,
    load,
)
from tui.captures.recording import RecordedExchange, recording_of
from tui.captures.yaml_tree import YamlError, load_yaml

# --- cassettes ------------------------------------------------------------------------------------


def test_a_cassette(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, "test_it.yaml", CASSETTE))
    assert (loaded.format, loaded.warnings) == ("VCR cassette", [])
    (found,) = loaded.recordings
    assert (found.title, found.timed, found.method, found.status) == (
        "test_it.yaml",
        False,
        "POST",
        200,
    )
    assert found.model == "claude-sonnet-5-5"
    assert found.headers == {
        "anthropic-version": "2023-06-01",
        "x-again": "2023-06-01",
        "x-none": "null",
        "x-binary": "hi",
    }
    assert found.response_headers["Date"] == "2026-11-20"
    run = replay(found)
    assert (run.status, run.state.blocks[0].text.text()) == ("complete", "yes")
    assert run.state.anomalies == []


@pytest.mark.parametrize("name", BODIES)
def test_the_ways_in_which_cassettes_keep_a_body(tmp_path: Path, name: str) -> None:
    content = {"version": 1, "interactions": [interaction(BODIES[name], body=json.dumps(REQUEST))]}
    (found,) = load(write(tmp_path, "a.json", content)).recordings
    assert body_of(found) == BODY
    assert (found.request, found.status) == (REQUEST, 200)


def test_a_cassette_with_binary_bodies(tmp_path: Path) -> None:
    packed = b64encode(gzip.compress(BODY)).decode()
    text = f"""\
interactions:
- request:
    body: !!binary |
      {b64encode(json.dumps(REQUEST).encode()).decode()}
    headers: {{}}
    method: POST
    uri: {URL}
  response:
    body:
      string: !!binary |
        {packed[:60]}
        {packed[60:]}
    headers: {{Content-Encoding: [gzip]}}
    status: {{code: 200, message: OK}}
version: 1
"""
    (found,) = load(write(tmp_path, "a.yaml", text)).recordings
    assert (body_of(found), found.request) == (BODY, REQUEST)


def test_a_cassette_with_parsed_bodies(tmp_path: Path) -> None:
    text = """\
interactions:
- request:
    headers: {}
    method: POST
    parsed_body: {model: m, stream: true, temperature: 0.5, max_tokens: 10, messages: []}
    uri: https://gateway.example/v1/messages
  response:
    headers: {}
    parsed_body:
      {id: msg_1, type: message, role: assistant, model: m, content: [{type: text, text: hi}],
       stop_reason: end_turn, usage: {input_tokens: 1, output_tokens: 2}}
    status: {code: 200, message: OK}
version: 1
"""
    (found,) = load(write(tmp_path, "a.yaml", text)).recordings
    sent = {"model": "m", "stream": True, "temperature": 0.5, "max_tokens": 10, "messages": []}
    assert found.request == sent
    run = replay(found)
    assert (run.status, run.state.blocks[0].text.text()) == ("complete", "hi")


def test_a_cassette_with_broken_entries(tmp_path: Path) -> None:
    entries = [
        5,
        interaction(ok(body={"base64_string": "%"})),
        interaction(ok(body={"base64_string": b64encode(b"\x1f\x8bxx").decode()})),
        interaction(ok(body={"base64_string": b64encode(b"\x8b\x02\x80\xff").decode()},
                       **{"headers": {"Content-Encoding": ["br"]}})),
        interaction(ok(body={})),
        interaction(ok(body={"string": BODY.decode()}), body={"string": "no JSON"}),
        interaction(ok(body={"base64_string": b64encode(b"\x1f\x8bxx").decode()}), uri="x"),
    ]  # fmt: skip
    loaded = load(write(tmp_path, "a.json", {"interactions": entries}))
    (found,) = loaded.recordings
    assert (body_of(found), found.request) == (BODY, None)
    assert loaded.warnings[1].startswith("left out, interaction 2: a body that is not base64")
    assert loaded.warnings[2].startswith("left out, interaction 3: a gzip body that cannot")
    assert loaded.warnings[3] == "left out, 2 more"


def test_what_a_body_cannot_be_unpacked_from() -> None:
    with pytest.raises(ImportFailure, match="packed with br"):
        headers = {"Content-Encoding": "br"}
        recording_of(
            RecordedExchange(b"\x8b\x02\x80\xff", url=URL, response_headers=headers), "r1", ""
        )
    with pytest.raises(ImportFailure, match="without its body"):
        recording_of(RecordedExchange(b"", url=URL, status=200), "r1", "")
    # A gzip body that broke off gives what was in it.
    half = gzip.compress(BODY)[:-20]
    found = recording_of(RecordedExchange(half, url=URL, status=200), "r1", "")
    assert found is not None
    assert BODY.startswith(body_of(found))
    assert recording_of(RecordedExchange(b"x", url="http://[bad"), "r1", "") is None
    assert recording_of(RecordedExchange(b"", url="http://host/"), "r1", "") is None
    assert recording_of(RecordedExchange(b"\x1f\x8bxx", url="http://host/"), "r1", "") is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("interactions: 5\n", "no interactions"),
        ("- interactions:\n", "no interactions"),
        ("interactions: []\n", r"in this VCR cassette \(0 looked at\)"),
        ("interactions: [5]\n", "no response can be read"),
        ("interactions: [a: b: c]\n", "not YAML: line 1: "),
        ('{"interactions": 5', "not a cassette: Expecting"),
        ("\ninteractions:\n- {a: *b}\n", "stands for nothing yet"),
        ("interactions: " + "[" * 100_000, "nested too deeply"),
        (b"interactions: \xff", "not YAML"),
    ],
)
def test_a_cassette_that_is_none(tmp_path: Path, content: str | bytes, problem: str) -> None:
    from tui.captures.cassette import load_cassette

    with pytest.raises(ImportFailure, match=problem) as raised:
        load_cassette(write(tmp_path, "a.yaml", content))
    assert "\n" not in str(raised.value)


# --- YAML -----------------------------------------------------------------------------------------


def test_plain_values() -> None:
    text = b"a: 1\nb: -2\nc: 0.5\nd: true\ne: ~\nf:\ng: '1'\nh: 1_0\ni: 2026-11-20\n2: x\n~: y\n"
    text += b"j: !!str 5\nk: [!!binary aGk=, |\n  two\n  lines\n  ]\n"
    found = load_yaml(text.split(b"k:")[0])
    assert found == {
        **{"a": 1, "b": -2, "c": 0.5, "d": True, "e": None, "f": None, "g": "1", "h": "1_0"},
        **{"i": "2026-11-20", "2": "x", "None": "y", "j": "5"},
    }
    assert load_yaml(b"[!!binary aGk=, !binary 'aGk=', \"x\"]") == [b"hi", b"hi", "x"]
    assert load_yaml(b"") is None
    assert load_yaml(b"--- a\n--- b\n") == "a"
    assert load_yaml(b"a: &x [1]\nb: *x\nc: &y z\nd: *y\n") == {
        "a": [1],
        "b": [1],
        "c": "z",
        "d": "z",
    }
    assert load_yaml(b"{a: {<<: {b: 1}}}") == {"a": {"<<": {"b": 1}}}


HOSTILE_YAML: Final = [
    b"[" * 1_000_000,
    b"- " * 300_000 + b"x",
    b"? " * 30_000 + b"x",
    b"\n".join(b" " * depth + b"a:" for depth in range(2_000)),
    b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(
        b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(12)
    ),
    b"&a [*a]",
    b"&a {b: *a}",
    b"a: \x00",
    b"a: !!binary '%'",
    b"\xfe\xff\xd8\x00",
    b"a: b: c",
    b'"\\UFFFFFFFF"',
]


@pytest.mark.parametrize("parser", ["C", "Python"])
@pytest.mark.parametrize("text", HOSTILE_YAML, ids=lambda text: repr(text[:20]))
def test_hostile_yaml(text: bytes, parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if parser == "Python":
        monkeypatch.delattr("yaml.CSafeLoader")
    with pytest.raises(YamlError) as raised:
        load_yaml(text)
    assert "\n" not in str(raised.value)


def test_tags_are_not_obeyed() -> None:
    assert load_yaml(b'!!python/object/apply:os.system ["x"]') == ["x"]
    assert load_yaml(b"!!python/unicode 'x'") == "x"
