"""Every key, once: what it is bound to, what it is called, and where it is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, Literal, NamedTuple

from textual.app import SystemCommand

When = Literal["always", "live", "played"]


class Key(NamedTuple):
    """A binding. `bar` is its short word in the key bar, empty when it is not there."""

    keys: str
    shown: str
    """The keys as people write them."""
    action: str
    id: str
    what: str
    tooltip: str
    group: str
    palette: str = ""
    bar: str = ""
    when: When = "always"
    """Where the key bar offers it."""


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
         _PLAY, palette="stream: play or pause", bar="pause"),
    Key("full_stop", ".", "play('step')", "step", "One event further",
         "Pause and show one event more", _PLAY, palette="stream: step", bar="step"),
    Key("comma", ",", "play('back')", "step-back", "One event back",
         "Pause and show one event less", _PLAY, palette="stream: step back", bar="back"),
    Key("escape", "esc", "escape", "escape", "Cancel the stream; leave the past",
         "Close the connection and keep what arrived; in the past, return to the live end",
         _PLAY, palette="stream: cancel", bar="cancel"),
    Key("r", "r", "again", "again", "Again",
         "Send the request again, or play the stream again; end the wait before a retry", _PLAY,
         palette="stream: again", bar="again"),
    Key("i", "i", "compose", "compose", "Ask",
         "Type the next prompt of the conversation", _ASK, palette="conversation: ask",
         bar="ask", when="live"),
    Key("c", "c", "continue", "continue", "Continue",
         "Have an answer that broke off go on, or decide about calls that were left open", _ASK,
         palette="conversation: continue", bar="continue", when="live"),
    Key("a", "a", "decide", "decide", "Decide about a tool call",
         "Run, refuse or answer the tool call that waits", _ASK, palette="conversation: tool call"),
    Key("o", "o", "settings", "settings", "Model and parameters",
         "Change model, system prompt, limits, thinking, tools", _ASK,
         palette="conversation: model and parameters", bar="options", when="live"),
    Key("e", "e", "request", "request", "The request",
         "Show the request as it was sent; edit it and send it again", _ASK,
         palette="conversation: request", bar="request", when="live"),
    Key("P", "P", "cache", "cache", "Prompt cache",
         "Show what was read from the cache, and where the prefix of a request changed", _ASK,
         palette="conversation: prompt cache"),
    Key("plus,equals_sign", "+", "play('faster')", "faster", "Faster",
         "Play the replay faster, up to 100x", _PLAY, palette="stream: faster",
         bar="faster", when="played"),
    Key("minus", "-", "play('slower')", "slower", "Slower",
         "Play the replay slower, down to 0.1x", _PLAY, palette="stream: slower",
         bar="slower", when="played"),
    Key("1", "1", "play('normal_speed')", "normal-speed", "Normal speed",
         "Play the replay at 1x", _PLAY, palette="stream: normal speed"),
    Key("slash,ctrl+f", "/", "ask('search')", "search", "Search",
         "Search in the events and in the text they add up to; re:… is an RE2 expression: "
         "no look-around, no backreferences", _FIND, palette="find: search",
         bar="search"),
    Key("n", "n", "hit(1)", "next-match", "Next match",
         "Go to the next event that the search found", _FIND, palette="find: next match"),
    Key("N", "N", "hit(-1)", "previous-match", "Previous match",
         "Go to the event before that the search found", _FIND, palette="find: previous match"),
    Key("f", "f", "ask('filter')", "filter", "Filter",
         "Show only some events: by type, delta, index, gap, text", _FIND, palette="find: filter",
         bar="filter"),
    Key("backspace", "backspace", "clear", "clear", "Clear filter and search",
         "Show every event again", _FIND, palette="find: clear"),
    Key("m", "m", "mark", "mark", "Mark the event",
         "Mark the event at the cursor, or take its mark away", _FIND, palette="find: mark"),
    Key("F,end", "F end", "follow", "follow", "Follow the live end",
         "Return to the live end and follow it", _MOVE, palette="view: follow the end"),
    Key("right_square_bracket", "]", "jump(1)", "next-marker", "Next marker",
         "Go to the next block, call, stall, error, anomaly or mark", _MOVE,
         palette="view: next marker", bar="marker"),
    Key("left_square_bracket", "[", "jump(-1)", "previous-marker", "Previous marker",
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
         palette="view: why (findings)", bar="why"),
    Key("L", "L", "open('latency')", "latency", "Latency",
         "Show where the time of the run went", _VIEW, palette="view: latency"),
    Key("C", "C", "open('compare')", "compare", "Compare",
         "Put two runs side by side", _VIEW, palette="view: compare runs"),
    Key("z", "z", "screen.maximize_pane", "maximize", "Maximise the pane",
         "Give the focused pane the whole screen, or take it back", _VIEW,
         palette="view: maximise pane", bar="zoom"),
    Key("b", "b", "screen.boundaries", "boundaries", "Fragment boundaries",
         "Mark where the fragments of the tool JSON meet", _VIEW,
         palette="view: fragment boundaries", bar="fragments"),
    Key("t", "t", "screen.thinking", "thinking", "Fold or unfold thinking",
         "Show all of the thinking, or one row of it", _VIEW,
         palette="view: thinking", bar="thinking"),
    Key("M", "M", "screen.source", "source", "Rendered or as it came",
         "Transcript: Markdown, or the text and the results' JSON as they came. Tool calls: JSON, "
         "or its strings with real line breaks, as code", _VIEW, palette="view: source"),
    Key("y", "y", "copy", "copy", "Copy",
         "Copy what is shown: an event, the text, a tool's input, the message, the request", _KEEP,
         palette="copy: choose what", bar="copy"),
    Key("w", "w", "save", "save", "Save a capture",
         "Save the whole run with all its times, to be opened again", _KEEP,
         palette="save: capture", bar="save"),
    Key("x", "x", "export", "export", "Export",
         "Save the whole run in another format, or a picture of the screen", _KEEP,
         palette="save: export as"),
    Key("question_mark,f1", "?", "help", "help", "Help", "Show the keys", _APP,
         palette="app: help", bar="help"),
    Key("q,ctrl+q", "q", "quit", "quit", "Quit", "Leave", _APP, palette="app: quit", bar="quit"),
    Key("ctrl+c", "ctrl+c", "interrupt", "interrupt", "Cancel, then quit",
         "Copy a selection; else cancel the stream, and the next time leave", _APP),
]  # fmt: skip


def bar(*, paused: bool, live: bool = False) -> list[tuple[str, str, str]]:
    """Return the key bar's entries: key, word, action."""
    words = {"play": "play" if paused else "pause"}
    hidden: When = "played" if live else "live"
    return [
        (key.shown, words.get(key.id, key.bar), key.action)
        for key in KEYS
        if key.bar and key.when != hidden
    ]


def palette(run: Callable[[str], object]) -> Iterator[SystemCommand]:
    """Yield what the palette offers; `run` runs an action."""
    for key in KEYS:
        if key.palette:
            yield SystemCommand(key.palette, key.tooltip, partial(run, key.action))


_EXTRA: Final = {
    _MOVE: [
        ("j k", "Move by one event, or scroll"),
        ("g G", "First event; live end"),
        ("click", "Show the state as of an event; point at a character"),
        ("enter", "The event in full; in the other panes, the event that wrote this"),
    ],
    _APP: [("ctrl+p", "All commands")],
}

HELP: Final = [
    (
        group,
        [(key.shown, key.what) for key in KEYS if key.group == group] + _EXTRA.get(group, []),
    )
    for group in (_PLAY, _ASK, _MOVE, _FIND, _VIEW, _KEEP, _APP)
]
"""The help: groups of keys."""
