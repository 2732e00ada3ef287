"""Conversations among the streams that are watched."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from tests import playbook as pb
from tests.app_harness import BytesSource
from tui.core.records import JsonObject
from tui.dashboard.sessions import WatchedSessions
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Watched, Watchlist
from tui.messages.request import messages_of
from tui.run import Feed

S = 1_000_000_000
TASK = "Find every caller of the function, please."


def sessions(watchlist: Watchlist) -> WatchedSessions:
    ui = cast(UI, None)  # Nothing is judged here.
    return WatchedSessions(ui, watchlist, Verdicts(ui, watchlist))


def stream(turns: list[JsonObject], at_s: int, system: str = "") -> Feed:
    source = BytesSource([], kind="file", request={"system": system, "messages": turns})
    source.info = replace(source.info, at_ns=at_s * S)
    return Feed(source)


def answer(feed: Feed, *events: JsonObject, stop: str = "end_turn") -> list[JsonObject]:
    """Answer a request; return its turns with the answer."""
    feed.session.feed(S, pb.wire(pb.message_start(), *events, *pb.ending(stop)))
    feed.session.finish(2 * S)
    message = feed.session.run.state.message_json()
    assert message is not None and feed.info.request is not None
    said = {"role": "assistant", "content": message["content"]}
    return [*messages_of(feed.info.request), said]


def user(text: str) -> JsonObject:
    return {"role": "user", "content": text}


def test_answers_that_come_late_group_the_requests_anew() -> None:
    watchlist = Watchlist()
    parent, agent = stream([user("Mend it.")], 0, "You mend."), stream([user(TASK)], 4, "You find.")
    watchlist.add(Watched(parent))
    watchlist.add(Watched(agent))
    known = sessions(watchlist)
    known.show(parent.session.run)
    assert "Conversation 1/2" in known.view().title
    call = pb.tool_block(0, f'{{"task": "{TASK}"}}', name="agent", id="t1")
    answer(parent, *call, stop="tool_use")
    known.update()
    assert known.view().title == "Conversation"
    assert [row.kind for row in known.view().rows] == ["main", "sub-agent"]
    assert known.step(1) and known.step(1)
    assert known.view().title == "Conversation \u00b7 sub-agent 2/2"
    assert [row.start_ns for row in known.view().rows] == [0]
    assert not known.step(1)


def test_a_view_is_kept_as_long_as_nothing_changes() -> None:
    watchlist = Watchlist()
    feed = stream([user("Hi.")], 0)
    turns = answer(feed, *pb.text_block(0, "Hello."))
    watchlist.add(Watched(feed))
    known = sessions(watchlist)
    known.show(feed.session.run)
    first = known.view()
    assert known.view() is first and len(first.rows) == 1
    more = stream([*turns, user("And?")], 10)
    watchlist.add(Watched(more))
    answer(more, *pb.text_block(0, "So."))
    assert [row.start_ns for row in known.view().rows] == [0, 10 * S]
    assert known.title_of(more.session.run) == "And?"
    assert known.title_of("?") == ""


def test_many_streams_are_taken_a_few_at_a_time() -> None:
    watchlist = Watchlist()
    turns = [user("Hi.")]
    feed = stream(turns, 0)
    for number in range(1_500):
        feed = stream(turns, number * 10)
        turns = [*answer(feed, *pb.text_block(0, f"So {number}.")), user("Go on.")]
        watchlist.add(Watched(feed), show=not number)
    known = sessions(watchlist)
    known.show(feed.session.run)
    looks = 1
    while known.progress < 1:
        assert "reading the requests" in known.view().note or known.progress == 1
        looks += 1
    assert 1 < looks <= 1_500
    view = known.view()
    assert [row.number for row in view.rows] == list(range(1, 1_501))
    assert all(row.branch == 0 for row in view.rows)


async def test_what_was_lost_is_summed_over_all() -> None:
    watchlist = Watchlist()
    wrote = {"input_tokens": 1, "cache_creation_input_tokens": 9_000, "cache_read_input_tokens": 0}
    said = pb.wire(pb.message_start(usage=wrote), *pb.text_block(0, "Yes."), *pb.ending())
    for name in ("One.", "Two."):
        turns = [user(name), {"role": "assistant", "content": "Yes."}, user("And?")]
        for feed in (stream(turns[:1], 0), stream(turns, 10)):
            feed.session.feed(S, said)
            feed.session.finish(S)
            watchlist.add(Watched(feed))
    known = sessions(watchlist)
    known.show(watchlist.all[0].feed.session.run)
    ledger = await known.ledger()
    assert (ledger.lost, ledger.lost_in_all, ledger.requests_in_all) == (9_000, 18_000, 4)
