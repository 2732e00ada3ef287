"""The options of `run`, and which of them contradict each other: those are refused."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from tui.messages.turns import ToolMode

STDIN: Final = "-"
"""What stands for standard input in the place of a prompt or a file."""
_BUILT_IN_TOOLS: Final = ("demo", "none")


@dataclass(frozen=True)
class RunOptions:
    """What was given on the command line."""

    prompt: str | None
    models: tuple[str, ...]
    system: str | None
    max_tokens: int | None
    thinking: int | None
    settings: tuple[str, ...]
    """Of `--set`: `name=JSON` each."""
    tools: str | None
    run_tools: ToolMode
    request: Path | None
    prompts: Path | None
    repeat: int
    concurrency: int | None
    resume: Path | None
    base_url: str | None
    timeout: float | None
    retries: int | None
    record: Path | None
    output: Path | None
    force: bool
    smooth: Literal["sentence", "character"] | None
    bell: bool
    theme: str | None
    plain: bool
    as_json: bool

    @property
    def many(self) -> bool:
        """Whether several calls are asked for."""
        return self.prompts is not None or len(self.models) > 1 or self.repeat > 1

    @property
    def from_stdin(self) -> list[str]:
        """What is to come from standard input."""
        given = {"PROMPT": self.prompt, "--prompts": self.prompts, "--request": self.request}
        return [name for name, value in given.items() if value is not None and str(value) == STDIN]


_OF_THE_REQUEST: Final = ("models", "system", "max_tokens", "thinking")
"""What a request or a conversation in a file has of its own."""


def agreed(options: RunOptions, defaults: Mapping[str, Any]) -> RunOptions:
    """Return the options without those of the config file that others leave no room for.

    `defaults` are the values without it, of the options that it set.
    """
    given = options.request or options.resume or options.prompts
    for name, value in defaults.items():
        without = replace(options, **{name: value})
        problem = contradiction(options)
        if (given is not None and name in _OF_THE_REQUEST) or (
            problem is not None and contradiction(without) != problem
        ):
            options = without
    return options


def contradiction(options: RunOptions) -> str | None:
    """Return what cannot be meant, in one line; None where all goes together."""
    for is_meant, message in _CONTRADICTIONS:
        if is_meant(options):
            return message
    return _read_twice(options) or _same_file(options) or _set_twice(options)


_CONTRADICTIONS: Final[tuple[tuple[Callable[[RunOptions], bool], str], ...]] = (
    (
        lambda given: given.as_json and given.plain,
        "--json and --plain are two kinds of output: use one of them",
    ),
    (
        lambda given: given.as_json and given.smooth is not None,
        "--smooth paces text, and --json shows none: use one of them",
    ),
    (
        lambda given: given.request is not None and given.resume is not None,
        "--request and --resume both say where to start: use one of them",
    ),
    (
        lambda given: given.prompt is not None and given.prompts is not None,
        "--prompts and PROMPT both say what to ask: use one of them",
    ),
    (
        lambda given: given.many and given.resume is not None,
        "--resume goes on with one conversation: it cannot have several prompts or models",
    ),
    (
        lambda given: given.many and given.output is not None,
        "--output writes the text of one run: it cannot have several prompts or models",
    ),
    (
        lambda given: (
            given.output is not None
            and (given.as_json or given.resume is not None or given.run_tools != "ask")
        ),
        "--output writes text and keeps none of it: leave out --json, --resume and --run-tools",
    ),
    (
        lambda given: given.output is not None and given.smooth is not None,
        "--output writes text as it arrives: leave out --smooth",
    ),
    (
        lambda given: given.force and given.output is None and given.record is None,
        "--force replaces the file of --output or --record: name one of them",
    ),
)


def _read_twice(options: RunOptions) -> str | None:
    if len(options.from_stdin) > 1:
        places = " and ".join(options.from_stdin)
        return f"standard input can be read only once, not for both {places}"
    for name in ("resume", "record", "output", "tools"):
        value = getattr(options, name)
        if value is not None and str(value) == STDIN:
            return f"--{name} needs the name of a file; for a file called - write ./-"
    return None


def _same_file(options: RunOptions) -> str | None:
    """Two names of one file, where at least one of them is written to."""
    tools = None if options.tools in (None, *_BUILT_IN_TOOLS) else options.tools
    written = {"--output": options.output, "--record": options.record, "--resume": options.resume}
    read = {"--request": options.request, "--prompts": options.prompts, "--tools": tools}
    seen: dict[str, str] = {}
    for name, path in (*written.items(), *read.items()):
        if path is None:
            continue
        other = seen.setdefault(os.path.realpath(path), name)
        if other != name and other in written:
            return f"{other} and {name} are the same file: name two different ones"
    return None


def _set_twice(options: RunOptions) -> str | None:
    """A parameter that has an option of its own, or is set two times."""
    given = {
        "model": bool(options.models),
        "system": options.system is not None,
        "max_tokens": options.max_tokens is not None,
        "thinking": options.thinking is not None,
        "tools": options.tools is not None,
    }
    seen: set[str] = set()
    for setting in options.settings:
        name = setting.partition("=")[0]
        if given.get(name):
            option = name.replace("_", "-")
            return f"--{option} and --set {name}= set the same parameter: use one of them"
        if name in seen:
            return f"--set {name}= is given twice: give it once"
        seen.add(name)
    return None
