"""Every key, once: what it is bound to, what it is called, and where it is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.app import SystemCommand
from textual.keys import Keys, _character_to_key, format_key

if TYPE_CHECKING:
    from textual.command import Provider


class Key(NamedTuple):
    """A binding, and what it is called."""

    keys: str
    shown: str
    """The keys as people write them."""
    action: str
    id: str
    what: str
    tooltip: str
    group: str
    palette: str = ""


_ASK: Final = "Asking"
_PLAY: Final = "Playing"
_MOVE: Final = "Moving"
_FIND: Final = "Finding"
_VIEW: Final = "View"
_KEEP: Final = "Keeping"
_APP: Final = "streamscope"

KEYS: Final[list[Key]] = [
    Key("space", "space", "play('toggle')", "play", "Play or pause",
         "Stop the replay, or the view of a live stream, and go on from there",
         _PLAY, palette="stream: play or pause"),
    Key("full_stop", ".", "play('step')", "step", "One event further",
         "Pause and show one event more", _PLAY, palette="stream: step"),
    Key("comma", ",", "play('back')", "step-back", "One event back",
         "Pause and show one event less", _PLAY, palette="stream: step back"),
    Key("escape", "esc", "escape", "escape", "Back to live; else cancel",
         "Leave the past; else close the connection and keep what arrived",
         _PLAY, palette="stream: cancel"),
    Key("r", "r", "send('again')", "again", "Again",
         "Send the request again, or play the stream again; end the wait before a retry", _PLAY,
         palette="stream: again"),
    Key("i", "i", "ask('compose')", "compose", "Ask",
         "Type the next prompt of the conversation", _ASK, palette="conversation: ask"),
    Key("c", "c", "send('resume')", "continue", "Continue",
         "Have an answer that broke off go on, or decide about calls that were left open", _ASK,
         palette="conversation: continue"),
    Key("a", "a", "decide", "decide", "Decide about a tool call",
         "Run, refuse or answer the tool call that waits", _ASK, palette="conversation: tool call"),
    Key("o", "o", "ask('settings')", "settings", "Model and parameters",
         "Change model, system prompt, limits, thinking, tools", _ASK,
         palette="conversation: model and parameters"),
    Key("e", "e", "request('show')", "request", "The request",
         "Show the request as it was sent; edit it and send it again", _ASK,
         palette="conversation: request"),
    Key("P", "P", "open('cache')", "cache", "Prompt cache",
         "Show what was read from the cache, and where the prefix of a request changed", _ASK,
         palette="conversation: prompt cache"),
    Key("plus,equals_sign", "+", "play('faster')", "faster", "Faster",
         "Play the replay faster, up to 100x", _PLAY, palette="stream: faster"),
    Key("minus", "-", "play('slower')", "slower", "Slower",
         "Play the replay slower, down to 0.1x", _PLAY, palette="stream: slower"),
    Key("1", "1", "play('normal_speed')", "normal-speed", "Normal speed",
         "Play the replay at 1x", _PLAY, palette="stream: normal speed"),
    Key("slash,ctrl+f", "/", "find('ask', 'search')", "search", "Search",
         "Search in the events and in the text they add up to; re:… is an RE2 expression: "
         "no look-around, no backreferences", _FIND, palette="find: search"),
    Key("n", "n", "find('hit', 1)", "next-match", "Next match",
         "Go to the next event that the search found", _FIND, palette="find: next match"),
    Key("N", "N", "find('hit', -1)", "previous-match", "Previous match",
         "Go to the event before that the search found", _FIND, palette="find: previous match"),
    Key("f", "f", "find('ask', 'filter')", "filter", "Filter",
         "Show only some events: by type, delta, index, gap, text", _FIND, palette="find: filter"),
    Key("backspace", "backspace", "find('clear')", "clear", "Clear filter and search",
         "Show every event again", _FIND, palette="find: clear"),
    Key("m", "m", "find('mark')", "mark", "Mark the event",
         "Mark the event at the cursor, or take its mark away", _FIND, palette="find: mark"),
    Key("F,end", "F end", "follow", "follow", "Follow the live end",
         "Return to the live end and follow it", _MOVE, palette="view: follow the end"),
    Key("right_square_bracket", "]", "find('jump', 1)", "next-marker", "Next marker",
         "Go to the next block, call, stall, error, anomaly or mark", _MOVE,
         palette="view: next marker"),
    Key("left_square_bracket", "[", "find('jump', -1)", "previous-marker", "Previous marker",
         "Go to the block, call, stall, error, anomaly or mark before", _MOVE,
         palette="view: previous marker"),
    Key("R", "R", "runs", "runs", "List of runs",
         "Show the list of runs and move in it, or hide it", _MOVE, palette="run: list"),
    Key("left_curly_bracket", "{", "play('pick', -1)", "previous-run", "Previous run",
         "Show the run before this one", _MOVE, palette="run: previous"),
    Key("right_curly_bracket", "}", "play('pick', 1)", "next-run", "Next run",
         "Show the run after this one", _MOVE, palette="run: next"),
    Key("tab", "tab", "app.focus_next", "next-pane", "Next pane",
         "Move to the next pane", _MOVE, palette="view: next pane"),
    Key("d", "d", "open('why')", "why", "Why",
         "Show what is wrong with the run, and why; go to the evidence", _VIEW,
         palette="view: why (findings)"),
    Key("L", "L", "open('latency')", "latency", "Latency",
         "Show where the time of the run went", _VIEW, palette="view: latency"),
    Key("W", "W", "open('waterfall')", "waterfall", "Waterfall",
         "Show the conversation as a row a request on one axis of time; L there: the cache",
         _VIEW, palette="view: waterfall of the conversation"),
    Key("C", "C", "open('compare')", "compare", "Compare",
         "Show where two runs differ", _VIEW, palette="view: compare runs"),
    Key("V", "V", "side('show')", "side-by-side", "Runs side by side",
         "Show what several runs say, at the same time since the request of each", _VIEW,
         palette="view: runs side by side"),
    Key("z", "z", "screen.maximize_pane", "maximize", "Maximise the pane",
         "Give the focused pane the whole screen; again: the answer without log and counters, "
         "as on a stage; again: all of it", _VIEW, palette="view: maximise pane"),
    Key("b", "b", "screen.boundaries", "boundaries", "Fragment boundaries",
         "Mark where the fragments of the tool JSON meet", _VIEW,
         palette="view: fragment boundaries"),
    Key("t", "t", "screen.thinking", "thinking", "Fold or unfold thinking",
         "Show all of the thinking, or one row of it", _VIEW,
         palette="view: thinking"),
    Key("M", "M", "screen.source", "source", "Rendered or as it came",
         "Transcript: Markdown, or the text and the results' JSON as they came. Tool calls: JSON, "
         "or its strings with real line breaks, as code", _VIEW, palette="view: source"),
    Key("y", "y", "keep('choose_copy')", "copy", "Copy",
         "Copy what is shown: an event, the text, a tool's input, the message, the request", _KEEP,
         palette="copy: choose what"),
    Key("w", "w", "keep('save')", "save", "Save a capture",
         "Save the whole run with all its times, to be opened again", _KEEP,
         palette="save: capture"),
    Key("x", "x", "keep('choose_format')", "export", "Export",
         "Save the whole run in another format, or a picture of the screen", _KEEP,
         palette="save: export as"),
    Key("O", "O", "relay", "relay", "Relay and its command",
         "Show what the relay does, and what its command printed", _VIEW,
         palette="relay: what passed, and the command's output"),
    Key("question_mark,f1", "?", "open('help')", "help", "Help", "Show the keys", _APP,
         palette="app: help"),
    Key("q,ctrl+q", "q", "quit", "quit", "Quit", "Leave", _APP, palette="app: quit"),
    Key("ctrl+c", "ctrl+c", "interrupt", "interrupt", "Cancel, then quit",
         "Copy a selection; else cancel the stream, and the next time leave", _APP),
]  # fmt: skip


_KEYLESS: Final = (
    ("save: picture of the screen", "Save the screen as SVG, secrets masked", "keep('picture')"),
    ("app: theme", "See each theme while you move through them; enter keeps it", "open('themes')"),
)
"""Actions that the palette alone offers: a name, what it does, the action."""


def key_problem(keys: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the id of a key that cannot be given away so, and why; None where all can be."""
    ids = [key.id for key in KEYS]
    known = {key.value for key in Keys} | {"full_stop", "comma", "slash", "plus", "minus"}
    taken = {name: key.id for key in KEYS if key.id not in keys for name in _names(key.keys)}
    for id, text in keys.items():
        if id not in ids:
            return id, f"no action: there are {', '.join(ids)}"
        for name in _names(text):
            bare = name.removeprefix("ctrl+").removeprefix("alt+").removeprefix("shift+")
            if len(bare) > 1 and name not in known and bare not in known:
                return id, f'{name!r} is no key: write it as "ctrl+s", "f5" or "K"'
            if name in taken:
                return id, f"{name} is the key of {taken[name]}: give that another"
            taken[name] = id
    return None


def _names(keys: str) -> list[str]:
    """Return keys as Textual calls them: several may be given, with commas between them."""
    each = [key.strip() for key in keys.split(",")] if len(keys) > 1 else [keys]
    return [_character_to_key(key) if len(key) == 1 else key for key in each]


def shown_keys(keys: Mapping[str, str]) -> dict[str, str]:
    """Return how people write keys, by the id of what they do; `keys` are other ones than ours."""
    own = {key.id: key.shown for key in KEYS}
    written = {id: " ".join(_written(key) for key in text.split(",")) for id, text in keys.items()}
    return own | written


def _written(key: str) -> str:
    return key if "+" in key else format_key(key)


def palette(run: Callable[[str], object]) -> Iterator[SystemCommand]:
    """Yield what the palette offers; `run` runs an action."""
    for key in KEYS:
        if key.palette:
            yield SystemCommand(key.palette, key.tooltip, partial(run, key.action))
    for title, tooltip, action in _KEYLESS:
        yield SystemCommand(title, tooltip, partial(run, action))


def palette_provider() -> type[Provider]:
    """Return what the palette finds actions with. It is imported when it is first opened."""
    from tui.dashboard.palette import Actions

    return Actions


_PANES: Final = {
    "events": ("Event log", [
        ("j k", "The event below, above"),
        ("g G", "First event; live end"),
        ("enter", "The event in full"),
        ("click", "Everything as of that event"),
    ]),
    "transcript": ("Transcript", [
        ("h j k l", "Point at a character"),
        ("enter", "The event that wrote it"),
    ]),
    "tools": ("Tool calls", [
        ("h j k l", "Point at a character"),
        ("enter", "The event that wrote it"),
    ]),
    "lane": ("Side by side", [
        ("\u2190 \u2192", "Run to the left, right"),
        ("enter", "Open the run"),
        ("j k", "Scroll all of them"),
        ("space", "Stop all of them, go on; play them again"),
        (". ,", "The next, the previous event"),
        ("esc", "Back to the panes"),
    ]),
    "runs": ("List of runs", [
        ("j k g G", "Move; first, last run"),
        ("enter", "Show the run"),
        ("s S", "Next column; other order"),
        ("f", "Filter the runs"),
        ("backspace", "All runs again"),
    ]),
}  # fmt: skip
_GROUPS: Final = (_PLAY, _ASK, _MOVE, _FIND, _VIEW, _KEEP, _APP)


def help_groups(pane: str, keys: Mapping[str, str] = {}) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the keys in groups under their titles; those of the focused pane come first.

    `keys` are other ones than ours.
    """
    shown = shown_keys(keys)
    panes = [_PANES[pane]] if pane in _PANES else []
    if pane != "lane":  # Else there are no other panes.
        panes += [group for id, group in _PANES.items() if id not in (pane, "lane")]
    own = {
        group: [(shown[key.id], key.what) for key in KEYS if key.group == group]
        for group in _GROUPS
    }
    own[_APP].append(("ctrl+p", "All commands"))
    return [*panes[:1], *own.items(), *panes[1:]]
