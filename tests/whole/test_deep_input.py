"""JSON that no parser takes, wherever it comes from: one clear line, in bounded time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import run_command
from tests.processor_time import within
from tui.captures.codec import CaptureError, decode_line
from tui.captures.importers import ImportFailure, load
from tui.captures.yaml_tree import YamlError, load_yaml
from tui.core.records import strict_loads

DEEP = "[" * 100_000 + "]" * 100_000
DEEP_OBJECT = '{"a":' * 100_000 + "1" + "}" * 100_000
LONG_NUMBER = "9" * 5_000
TOO_DEEP, TOO_LONG = "nested too deeply", "a number has too many digits"
BAD = [(DEEP, TOO_DEEP), (DEEP_OBJECT, TOO_DEEP), (LONG_NUMBER, TOO_LONG)]
IDS = ["deep", "deep-object", "digits"]


@pytest.mark.parametrize(("value", "fault"), BAD, ids=IDS)
def test_what_is_wrong_is_said_in_plain_words(value: str, fault: str) -> None:
    with within(10), pytest.raises(ValueError, match=f"^{fault}$"):
        strict_loads(f'{{"x": {value}}}')
    assert strict_loads("9" * 4_200) == int("9" * 4_200)


@pytest.mark.parametrize(("value", "fault"), BAD, ids=IDS)
def test_files(tmp_path: Path, value: str, fault: str) -> None:
    files = {
        "x.har": f'{{"log": {{"entries": [{value}]}}}}',
        "x.json": f'{{"interactions": [], "x": {value}}}',
        "x.jsonl": f'{{"streamscope":1}}\n{{"k":"request","run":"r1","t":0,"body":{value}}}\n',
        "y.jsonl": f'{{"type":"message_start","message":{value}}}\n',
    }
    for name, text in files.items():
        path = tmp_path / name
        path.write_text(text)
        with within(10):
            try:
                load(path)
            except ImportFailure as failure:
                assert str(failure).isprintable() and len(str(failure)) < 200
    with pytest.raises(CaptureError, match=f"^not JSON: {fault}$"):
        decode_line(f'{{"k":"request","run":"r1","t":0,"body":{value}}}'.encode())


@pytest.mark.parametrize(("value", "fault"), BAD, ids=IDS)
def test_what_run_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, fault: str
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key that is sent nowhere")
    files = {"--request": "x.json", "--prompts": "x.jsonl", "--tools": "x.json"}
    for option, name in files.items():
        path = tmp_path / name
        path.write_text(f'{{"messages": [], "metadata": {value}}}')
        with within(20):
            result = run_command(monkeypatch, "run", "--plain", option, path)
        assert result.status == 2
        assert fault in result.one_line()
    result = run_command(monkeypatch, "run", "hi", "--plain", "--set", f"metadata={value}")
    assert (result.status, len(result.err) < 200) == (2, True)
    assert result.one_line().endswith(f": {fault}")


def test_long_lines_of_a_capture(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    head = b'{"streamscope":1}\n{"k":"request","run":"r1","t":0}\n'
    path.write_bytes(
        head + b"[" * 20_000_000 + b"\n" + b'{"k":"chunk","run":"r1","data":"' + b"z" * 20_000_000
    )
    with within(20):
        loaded = load(path)
    assert loaded.warnings == [
        "line 3 left out: not JSON: nested too deeply",
        "the last line breaks off and is left out",
    ]


def test_yaml_of_many_parts() -> None:
    with within(60), pytest.raises(YamlError, match="more than 500,000 parts"):
        load_yaml(b"interactions: [" + b"a, " * 1_000_000)
