"""The results of tools that the API runs, each in its own form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from tui.core.citations import host_of
from tui.core.records import JsonObject
from tui.core.state import Block, as_text
from tui.core.text import clip, one_line
from tui.viewmodel.compact import compact
from tui.viewmodel.lines import LineStyle, StyledLine, line_of
from tui.viewmodel.media import describe_part, opaque_size, told_size
from tui.viewmodel.views import Tone

_SHOWN: Final = 200_000
"""Code points of one text of a result that are shown."""
_LINES: Final = 2_000


class ResultForm(NamedTuple):
    """How a result is shown: a heading, lines, and below them text."""

    label: str
    lines: tuple[StyledLine, ...] = ()
    text: str = ""
    """Markdown."""
    tone: Tone = "muted"


def result_form(block: Block, calls: Iterable[Block]) -> ResultForm:
    """Return the form of a result; `calls` are the blocks before it, which say what was asked."""
    fields = block.to_json()
    name = block.type.removesuffix("_tool_result").removesuffix("tool_result") or "tool"
    id = as_text(fields.get("tool_use_id"))
    call = next((one for one in calls if id and one.start.get("id") == id), None)
    asked = _input(call)
    content = fields.get("content")
    if name == "mcp" and call is not None:
        name = as_text(call.start.get("name")) or name
    kind = as_text(content.get("type")) if isinstance(content, dict) else None
    if isinstance(content, dict) and (
        "error_code" in content or (kind or "").endswith("_tool_result_error")
    ):
        return _failed(name, content)
    if isinstance(content, dict):
        form = next((make for end, make in _FORMS.items() if (kind or "").endswith(end)), None)
        if form is not None:
            return form(name, content, asked)
        return ResultForm(name, (line_of((compact(content), "plain")),))
    if name == "web_search" and isinstance(content, list):
        return _search(name, content)
    failed = fields.get("is_error") is True
    form_of_parts = _parts(name, content)
    if failed:
        return form_of_parts._replace(label=f"{one_line(name)}  failed", tone="bad")
    return form_of_parts


def _input(call: Block | None) -> Mapping[str, Any]:
    if call is None:
        return {}
    value = call.input if len(call.json) else call.start.get("input")
    return value if isinstance(value, dict) else {}


def _failed(name: str, content: JsonObject) -> ResultForm:
    code = as_text(content.get("error_code")) or as_text(content.get("type")) or "error"
    said = [f"\u2717 {code}", as_text(content.get("error_message"))]
    text = "  ".join(one_line(part) for part in said if part)
    return ResultForm(f"{name}  failed", (line_of((text, "worse")),), tone="bad")


def _search(name: str, content: list[Any]) -> ResultForm:
    if not content:
        return ResultForm(f"{name}  no results")
    count = len(content)
    lines = [_found(item) for item in content[:_LINES]]
    return ResultForm(f"{name}  {count} result{'' if count == 1 else 's'}", tuple(lines))


def _found(item: object) -> StyledLine:
    title = as_text(item.get("title")) if isinstance(item, dict) else None
    if title is None or not isinstance(item, dict):
        return line_of((describe_part(item), "plain"))
    facts = [host_of(as_text(item.get("url")) or ""), as_text(item.get("page_age"))]
    about = "  ".join(one_line(fact) for fact in facts if fact)
    return StyledLine(((one_line(title), "plain"), (f"  {about}", "muted")), "\u2022 ", "muted")


def _fetched(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    url = as_text(content.get("url")) or as_text(asked.get("url")) or ""
    document = content.get("content")
    fields = document if isinstance(document, dict) else {}
    source = fields.get("source")
    given = source if isinstance(source, dict) else {}
    title = as_text(fields.get("title"))
    lines = [
        StyledLine(((one_line(title or ""), "plain"), (f"  {one_line(host_of(url))}", "muted")))
    ]
    if title is None:
        lines = [line_of((one_line(url), "plain"))]
    untitled = {key: value for key, value in fields.items() if key != "title"}
    facts = [describe_part(untitled) if fields else "no document"]
    at = as_text(content.get("retrieved_at"))
    if at:
        facts.append(f"retrieved {one_line(at[:16].replace('T', ' '))}")
    lines.append(line_of(("  ".join(facts), "muted")))
    text = as_text(given.get("data")) if given.get("type") == "text" else None
    return ResultForm(name, tuple(lines), _cut(text or ""))


def _executed(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    command = as_text(asked.get("command"))
    lines = _text_lines(command, "label", "$ ") if command else []
    lines += _text_lines(as_text(content.get("stdout")) or "", "plain")
    hidden = as_text(content.get("encrypted_stdout"))
    if hidden is not None:
        lines.append(line_of((f"output, encrypted  {opaque_size(hidden)}", "muted")))
    lines += _text_lines(as_text(content.get("stderr")) or "", "worse")
    code = content.get("return_code")
    files = content.get("content")
    for file in files if isinstance(files, list) else []:
        lines.append(line_of((describe_part(file), "path")))
    if len(lines) == bool(command):
        lines.append(line_of(("no output", "muted")))
    failed = code not in (0, None)
    said = f"{name}  exit {compact(code)}" if code is not None else name
    return ResultForm(said, tuple(lines), tone="bad" if failed else "muted")


def _viewed(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    path = as_text(asked.get("path")) or ""
    text = as_text(content.get("content")) or ""
    kind = as_text(content.get("file_type"))
    if kind not in (None, "text"):
        return ResultForm(f"{name}  viewed {one_line(path)}  {kind}", (), "")
    first = content.get("start_line")
    start = first if isinstance(first, int) else 1
    numbered = _text_lines(text, "plain")
    width = len(str(start + len(numbered)))
    lines = [
        line._replace(mark=f"{start + number:>{width}} ", mark_style="muted")
        for number, line in enumerate(numbered)
    ]
    return ResultForm(f"{name}  viewed {one_line(path)}".rstrip(), tuple(lines))


def _created(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    path = one_line(as_text(asked.get("path")) or "a file")
    verb = "replaced" if content.get("is_file_update") is True else "created"
    text = as_text(asked.get("file_text")) or ""
    return ResultForm(f"{name}  {verb} {path}", tuple(_text_lines(text, "added", "+ ", each=True)))


def _replaced(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    path = one_line(as_text(asked.get("path")) or "a file")
    changes = content.get("lines")
    lines = []
    if isinstance(content.get("new_start"), int):
        lines.append(line_of((f"line {content['new_start']}", "muted")))
    for change in changes[:_LINES] if isinstance(changes, list) else []:
        text = as_text(change) or compact(change)
        styles: dict[str, LineStyle] = {"+": "added", "-": "removed"}
        style = styles.get(text[:1], "muted")
        lines.append(StyledLine(((one_line(text[1:]), style),), f"{one_line(text[:1])} ", style))
    return ResultForm(f"{name}  changed {path}", tuple(lines))


def _advised(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    text = as_text(content.get("text")) or ""
    return ResultForm(name if text else f"{name}  no text", text=_cut(text))


def _redacted(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    size = opaque_size(as_text(content.get("encrypted_content")) or "")
    return ResultForm(name, (line_of((f"text, encrypted  {size}", "muted")),))


def _tools_found(name: str, content: JsonObject, asked: Mapping[str, Any]) -> ResultForm:
    found = content.get("tool_references")
    references = found if isinstance(found, list) else []
    if not references:
        return ResultForm(f"{name}  no results")
    names = [as_text(one.get("tool_name")) if isinstance(one, dict) else None for one in references]
    lines = [
        StyledLine(((one_line(known or compact(one)), "plain"),), "\u2192 ", "path")
        for known, one in zip(names, references[:_LINES], strict=False)
    ]
    return ResultForm(f"{name}  {len(names)} tool{'' if len(names) == 1 else 's'}", tuple(lines))


_FORMS: Final[dict[str, Callable[[str, JsonObject, Mapping[str, Any]], ResultForm]]] = {
    "web_fetch_result": _fetched,
    "code_execution_result": _executed,
    "_view_result": _viewed,
    "_create_result": _created,
    "_str_replace_result": _replaced,
    "advisor_result": _advised,
    "_redacted_result": _redacted,
    "_search_result": _tools_found,
}
"""Forms by how the type of the content ends."""


def _parts(name: str, content: object) -> ResultForm:
    """Return text as Markdown, and a line on everything else."""
    if content is None or content == [] or content == "":
        return ResultForm(f"{name}  no results")
    if isinstance(content, str):
        return ResultForm(name, text=_cut(content))
    items = content if isinstance(content, list) else [content]
    texts: list[str] = []
    lines: list[StyledLine] = []
    for item in items:
        text = as_text(item.get("text")) if isinstance(item, dict) else None
        if text is not None:
            texts.append(text)
        else:
            lines.append(line_of((describe_part(item), "plain")))
    return ResultForm(name, tuple(lines[:_LINES]), _cut("\n\n".join(texts)))


def _text_lines(
    text: str, style: LineStyle, mark: str = "", *, each: bool = False
) -> list[StyledLine]:
    """Return text line by line; `mark` stands before the first, or before each."""
    if not text:
        return []
    shown = _cut(text)
    parts = shown.removesuffix("\n").split("\n")
    blank = " " * len(mark)
    lines = [
        StyledLine(((part, style),), mark if each or not number else blank, style)
        for number, part in enumerate(parts[:_LINES])
    ]
    if len(shown) < len(text) or len(parts) > _LINES:
        lines.append(line_of((f"and more: {told_size(text)} in all", "muted")))
    return lines


def _cut(text: str) -> str:
    return clip(text, _SHOWN)
