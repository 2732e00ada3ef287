"""The built-in demo streams: one readable `.scene` file each, compiled to timed bytes on demand.

The format is described in `tui.scenarios.script`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tui.core.records import Chunk

if TYPE_CHECKING:
    from tui.scenarios.script import SceneHead

__all__ = ["Scenario", "UnknownScenario", "header", "load", "names"]

_FOLDER: Final = Path(__file__).parent
_SUFFIX: Final = ".scene"
# From the everyday to the odd; a file that is not named here is listed after these.
_ORDER: Final = (
    "tour plain one-tool after-tool two-tools thinking-tool web-search code-execution markdown "
    "fine-grained fallback compaction cache-missed thinking-budget max-tokens refusal stall "
    "buffered held-input overloaded connection-lost unknown hostile"
).split()


_NAMED: Final = 4
"""Names that are offered where none comes close."""


class UnknownScenario(ValueError):
    """No scenario has this name; the message offers the names that come close."""

    def __init__(self, name: str) -> None:
        import difflib  # only a mistake needs it, and start-up should not pay for mistakes

        known = names()
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        some = f"there are {', '.join(known[:_NAMED])} and {len(known) - _NAMED} more"
        hint = f"did you mean {' or '.join(close)}?" if close else some
        super().__init__(f"no scenario named {name!r}; {hint}")
        self.name = name
        self.close = tuple(close)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A recorded-looking response: what was asked, and each read of the answer with its time."""

    name: str
    title: str
    description: str
    prompt: str
    request: dict[str, Any]
    """The body of the request to `/v1/messages`."""
    chunks: tuple[Chunk, ...]
    """One network read each, often one event, sometimes two or three."""
    how: Literal["eof", "reset"]
    """Whether the response ends cleanly or the connection breaks."""
    duration_ns: int
    """From the request to the end of the response; a silence before the end counts."""
    at_ns: int | None = None
    """The time of day of the request, where it is one of a session."""


def names() -> list[str]:
    """The names of all scenarios, the tour first. Reads the folder, not the files."""
    found = [path.stem for path in _FOLDER.glob("*" + _SUFFIX)]
    place = {name: at for at, name in enumerate(_ORDER)}
    return sorted(found, key=lambda name: (place.get(name, len(place)), name))


def header(name: str) -> SceneHead:
    """What `name` is about, without compiling it. Raises UnknownScenario, SceneError."""
    from tui.scenarios.script import parse_header

    return parse_header(name, _source(name))


@cache
def load(name: str) -> Scenario:
    """Compile `name`, to the same bytes every time. Raises UnknownScenario, SceneError."""
    # Here, as the first frame does not wait for a stream.
    from tui.scenarios.compiler import compile_script, request_body
    from tui.scenarios.script import parse

    script = parse(name, _source(name))
    compiled = compile_script(script)
    return Scenario(
        name=name,
        title=script.header.title,
        description=script.header.description,
        prompt=script.header.prompt,
        request=request_body(script),
        chunks=compiled.chunks,
        how=compiled.how,
        duration_ns=compiled.duration_ns,
    )


def _source(name: str) -> str:
    # A name is looked up, never joined to a path as it came: it may be a client's model name.
    if name not in names():
        raise UnknownScenario(name)
    return (_FOLDER / (name + _SUFFIX)).read_text(encoding="utf-8")
