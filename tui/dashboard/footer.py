"""The key bar: the six to nine keys that fit what is on the screen and where the focus is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from textual.actions import parse
from textual.app import App
from textual.binding import Binding
from textual.keys import format_key
from textual.screen import ModalScreen

from tui.dashboard.commands import KEYS, shown_keys
from tui.screens.dashboard import Dashboard
from tui.viewmodel import DashboardView

Entry = tuple[str, str, str]
"""A key as people write it, what it does here, and its action."""

_ACTIONS: Final = {key.id: key.action for key in KEYS}
_OF_PANES: Final = {
    # Keys of the panes: the focused one knows what they are.
    "first": ("g", "play('go', 1)"),
    "event": ("enter", "open('detail')"),
    "writer": ("enter", "focused.origin"),
    "pick": ("enter", "focused.open"),
    "sort": ("s", "focused.sort"),
    # Of the fields, which take the letters.
    "send": ("enter", "simulate_key('enter')"),
    "new-line": ("ctrl+j", "simulate_key('ctrl+j')"),
    "options": ("ctrl+o", "simulate_key('ctrl+o')"),
    "earlier": ("up", "simulate_key('up')"),
    "later": ("down", "simulate_key('down')"),
    "leave": ("esc", "simulate_key('escape')"),
    "commands": ("ctrl+p", "command_palette"),
    "lane": ("enter", "side('open')"),
    "beside": ("\u2190\u2192", "app.focus_next"),
}
_NAMES: Final = {"escape": "esc", "enter": "enter"}
_TYPING: Final = ("prompt", "line")
"""Moments at which letters go into a field."""
_ALWAYS: Final = "help:help,quit:quit"
_WHILE_TYPING: Final = (("f1", "help", "open('help')"), ("ctrl+q", "quit", "quit"))
"""Keys that are no letters."""
_SIDE: Final = "step:step,step-back:back,thinking:thinking,faster:faster,slower:slower"
_BARS: Final = {
    "opening": "commands:commands,next-pane:next pane,relay:relay,runs:runs",
    "idle": "compose:ask,settings:options,commands:commands,next-pane:next pane",
    "prompt": "send:send,new-line:new line,leave:leave,options:options,commands:commands",
    "line": "send:go,leave:leave,earlier:earlier,later:later,commands:commands",
    "playing": "play:pause,step:step,step-back:back,faster:faster,slower:slower,search:search,"
    "why:why,filter:filter",
    "paused": "play:play,step:step,step-back:back,faster:faster,slower:slower,search:search,"
    "why:why,filter:filter",
    "streaming": "escape:cancel,play:pause,step-back:back,search:search,filter:filter,"
    "request:request,why:why",
    "watching": "play:pause,step-back:back,search:search,filter:filter,request:request,why:why,"
    "relay:relay",
    "watched": "first:from the start,why:why,latency:latency,search:search,copy:copy,"
    "request:request,relay:relay",
    "past": "escape:live,step:step,step-back:back,next-marker:marker,event:event,mark:mark,"
    "copy:copy",
    "past-text": "escape:live,step:step,step-back:back,next-marker:marker,writer:who wrote this,"
    "mark:mark,copy:copy",
    "ended": "first:from the start,why:why,latency:latency,search:search,copy:copy,again:again,"
    "export:export",
    "answered": "compose:ask,again:again,request:request,why:why,copy:copy,save:save,"
    "settings:options",
    "broken": "continue:continue,again:again,compose:ask,why:why,request:request,copy:copy,"
    "save:save",
    "transcript": "thinking:thinking,source:source,writer:who wrote this,search:search,"
    "maximize:zoom,copy:copy",
    "tools": "boundaries:fragments,source:JSON/code,writer:who wrote this,search:search,"
    "maximize:zoom,copy:copy",
    "side running": "lane:open,escape:close,beside:other run,play:pause," + _SIDE,
    "side standing": "lane:open,escape:close,beside:other run,play:play," + _SIDE,
    "side over": "lane:open,escape:close,beside:other run,play:replay," + _SIDE,
    "runs": "pick:show,sort:sort,side-by-side:side by side,compare:compare,waterfall:waterfall,"
    "runs:hide,previous-run:previous,next-run:next",
}
"""For each moment the ids of keys, each with its word there, the most useful first."""


class Footing(NamedTuple):
    """What the key bar depends on."""

    moment: str
    """Empty while a modal is open."""
    modal: tuple[Entry, ...] = ()
    """The keys of the modal that do something now."""
    relayed: bool = False
    """Whether there is a relay to be looked at."""


def footing(
    app: App[Any], view: DashboardView | None, *, live: bool, relayed: bool = False
) -> Footing:
    """Return what the key bar is for now. `live`: prompts can be asked here."""
    screen = app.screen
    if isinstance(screen, ModalScreen):
        return Footing("", tuple(_of_modal(screen)))
    return Footing(_moment(app, view, live), relayed=relayed)


def _moment(app: App[Any], view: DashboardView | None, live: bool) -> str:
    side = app.screen.side if isinstance(app.screen, Dashboard) else None
    if side is not None:
        over = not side.behind and all(lane.moment.done for lane in side.lanes)
        return "side over" if over else "side standing" if side.paused else "side running"
    focused = app.focused.id if app.focused is not None else ""
    if app.focused is not None and app.focused.check_consume_key("q", "q"):
        return "line" if focused == "ask-input" else "prompt"
    if focused == "runs":
        return "runs"
    if view is not None and view.moment.travelling:
        return "past-text" if focused in ("transcript", "tools") else "past"
    if focused in ("transcript", "tools"):
        return focused
    if view is None:
        return "idle" if live else "opening"
    if view.header.kind == "followed":
        return "watched" if view.moment.done else "watching"
    if not view.moment.done:
        if view.header.kind == "live":
            return "streaming"
        return "paused" if view.header.paused else "playing"
    if not live:
        return "ended"
    return "answered" if view.moment.run.status == "complete" else "broken"


def entries(footing: Footing, keys: Mapping[str, str] = {}) -> list[Entry]:
    """Return the keys to show; the last two are always kept. `keys` are other ones than ours."""
    shown = shown_keys(keys)
    if footing.moment in _TYPING:
        return [*_named(_BARS[footing.moment], shown), *_WHILE_TYPING]
    if footing.moment:
        bar = _BARS[footing.moment] if footing.relayed else _without_relay(_BARS[footing.moment])
        return [*_named(bar, shown), *_named(_ALWAYS, shown)]
    # Most modals close with q.
    return [*footing.modal, *_WHILE_TYPING[1:]]


def _without_relay(bar: str) -> str:
    return ",".join(item for item in bar.split(",") if not item.startswith("relay:"))


def _of_modal(modal: ModalScreen[Any]) -> Iterator[Entry]:
    """Yield the keys that a modal offers, digits and those of the application apart."""
    for item in modal.BINDINGS:
        binding = item if isinstance(item, Binding) else Binding(*item)
        key = binding.key.split(",")[0]
        _, name, parameters = parse(binding.action)
        own = binding.show and not key.isdigit() and not binding.action.startswith("app.")
        if own and modal.check_action(name, parameters):
            yield _NAMES.get(key) or format_key(key), binding.description.lower(), binding.action


def _named(bar: str, shown: Mapping[str, str]) -> list[Entry]:
    named = []
    for item in filter(None, bar.split(",")):
        id, word = item.split(":")
        key, action = _OF_PANES[id] if id in _OF_PANES else (shown[id], _ACTIONS[id])
        named.append((key, word, action))
    return named
