"""Which files of a folder are taken for streams."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import playbook as pb
from tui.captures.folders import files_below, format_in_folder

BODY = pb.wire(pb.message_start(), *pb.text_block(0, "one"), *pb.ending())
EVENTS = b'{"type": "message_start", "message": {}}\n{"type": "message_stop"}\n'


def below(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder)]


def test_files_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    for name in ("b.sse", "a/z.jsonl", "a/b/c.SSE", "a.json", "notes.txt", "d.sse/e.har"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert below(tmp_path) == ["a/b/c.SSE", "a/z.jsonl", "a.json", "b.sse", "d.sse/e.har"]


def test_a_link_to_a_folder_is_not_followed_and_what_is_gone_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to(tmp_path)
    (tmp_path / "gone.sse").symlink_to(tmp_path / "nowhere")
    assert below(tmp_path) == []
    assert list(files_below(tmp_path / "absent")) == []


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.sse", BODY, "body"),
        ("a.jsonl", EVENTS, "events"),
        ("package.json", b'{"name": "x"}', None),
        ("message_start.json", b'"message_start"', None),
        ("talk.yaml", b"about: /v1/messages\ninteractions:\n", "cassette"),
    ],
)
def test_what_is_in_a_file_decides(
    tmp_path: Path, name: str, content: bytes, found: str | None
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert format_in_folder(path) == found
