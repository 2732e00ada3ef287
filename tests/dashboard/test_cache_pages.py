"""What the prompt cache did for the requests of the conversation of any run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import cast

from tests import playbook as pb
from tests.agent_session import AgentSession
from tests.app_harness import BytesSource, on_stage, rows_of
from tui.core.records import Chunk, JsonObject
from tui.dashboard.cache_pages import PAGE, CachePages
from tui.dashboard.sessions import WatchedSessions
from tui.dashboard.ui import UI
from tui.dashboard.verdicts import Verdicts
from tui.dashboard.watched import Shown, Watched, Watchlist
from tui.messages.request import messages_of
from tui.run import Feed
from tui.screens.cache import CacheView
from tui.sources.capture import recorded
from tui.widgets.lines_view import LinesView

S = 1_000_000_000


class NoUI:
    """Judges nothing."""

    def work(self, coroutine: object, name: str = "") -> None:
        coroutine.close()  # type: ignore[attr-defined]


def user(text: str) -> JsonObject:
    return {"role": "user", "content": text}


def stream(turns: list[JsonObject], at_s: int = 0, **fields: object) -> Feed:
    source = BytesSource([], kind="file", request={**fields, "messages": turns})
    source.info = replace(source.info, at_ns=at_s * S)
    return Feed(source)


def answer(feed: Feed, text: str = "Yes.", read: int = 0) -> list[JsonObject]:
    """Answer a request; return its turns with the answer."""
    usage = {"input_tokens": 5, "cache_read_input_tokens": read, "output_tokens": 1}
    events = pb.wire(pb.message_start(usage=usage), *pb.text_block(0, text), *pb.ending())
    feed.session.feed(S, events)
    feed.session.finish(2 * S)
    assert feed.info.request is not None
    return [*messages_of(feed.info.request), {"role": "assistant", "content": text}]


def pages_of(watchlist: Watchlist, place: int) -> CachePages:
    ui = cast(UI, NoUI())
    verdicts = Verdicts(ui, watchlist)
    watched = watchlist.all[place]
    shown = Shown(watched, watched.feed.session.run)
    return CachePages(WatchedSessions(ui, watchlist, verdicts), verdicts, shown)


async def compared(pages: CachePages) -> None:
    while await pages.compare():
        pass


def conversation(watchlist: Watchlist, requests: int, others: int = 0) -> None:
    """Watch requests that go on from each other, with so many of other conversations between."""
    turns = [user("Hello.")]
    for number in range(requests):
        system = "Be brief." if number < requests - 1 else "Be."
        feed = stream(turns, number, system=system)
        watchlist.add(Watched(feed))
        turns = [*answer(feed, f"Yes {number}.", read=number), user("Go on.")]
        for other in range(others):
            between = stream([user(f"Something else {number}.{other}")])
            answer(between)
            watchlist.add(Watched(between))


async def test_requests_far_from_each_other_are_of_one_conversation() -> None:
    watchlist = Watchlist()
    conversation(watchlist, 3, others=40)
    pages = pages_of(watchlist, 82)
    await compared(pages)
    page = pages.page()
    assert [(row.number, row.read) for row in page.rows] == [(1, 0), (2, 1), (3, 2)]
    assert (page.here, page.total, page.note) == (2, 3, "")
    assert [row.broke_at for row in page.rows] == ["", "", "system"]
    assert (page.rows[2].before, page.rows[2].after) == ("Be brief.", "Be.")


async def test_what_comes_later_is_there_too() -> None:
    watchlist = Watchlist()
    conversation(watchlist, 2)
    pages = pages_of(watchlist, 0)
    assert [row.number for row in pages.page().rows] == [1, 2]
    assert pages.page().here == 0
    request = watchlist.all[1].feed.info.request
    assert request is not None
    more = stream([*messages_of(request), {"role": "assistant", "content": "Yes 1."}, user("So?")])
    watchlist.add(Watched(more), show=False)
    assert [row.read for row in pages.page().rows] == [0, 1, None]
    assert pages.page().pending
    answer(more, read=7)
    assert [row.read for row in pages.page().rows] == [0, 1, 7]


async def test_a_branch_begins_with_the_requests_that_lead_to_it() -> None:
    watchlist = Watchlist()
    conversation(watchlist, 3)
    request = watchlist.all[1].feed.info.request
    assert request is not None
    turns = [*messages_of(request)[:-1], user("No, the other one.")]
    aside = stream(turns, 9, system="Be brief.")
    answer(aside, "Which?", read=9)
    watchlist.add(Watched(aside))
    page = pages_of(watchlist, 3).page()
    assert [row.read for row in page.rows] == [0, 9]
    assert [row.read for row in pages_of(watchlist, 0).page().rows] == [0, 1, 2]


async def test_of_thousands_a_page_is_compared() -> None:
    watchlist = Watchlist()
    conversation(watchlist, 700)
    pages = pages_of(watchlist, 350)
    notes = set(iter(lambda: pages.page().note, ""))
    assert all("reading the requests" in note for note in notes)
    page = pages.page()
    assert (page.total, len(page.rows)) == (700, PAGE)
    assert page.rows[page.here].number == 351
    await compared(pages)
    assert len(pages._differences) == PAGE
    assert pages.step(1) and pages.page().first == page.first + PAGE
    for _ in range(700 // PAGE):
        pages.step(1)
    assert pages.page().rows[-1].number == 700
    await compared(pages)
    assert pages.page().rows[-1].broke_at == "system"
    assert not pages.step(1)
    for _ in range(700 // PAGE + 1):
        pages.step(-1)
    assert pages.page().first == 0 and not pages.step(-1)


async def test_what_was_never_answered_has_no_row() -> None:
    watchlist = Watchlist()
    conversation(watchlist, 1)
    failed = stream([user("Hello.")], 0, system="Be.")
    failed.session.finish(S)
    watchlist.add(Watched(failed))
    assert [row.number for row in pages_of(watchlist, 0).page().rows] == [1]


async def test_a_stream_without_a_request_shows_what_it_read() -> None:
    usage = {"input_tokens": 5, "cache_read_input_tokens": 900, "output_tokens": 1}
    body = pb.wire(pb.message_start(usage=usage), *pb.text_block(0, "Hi."), *pb.ending())
    async with on_stage(BytesSource([Chunk(S, body)])) as stage:
        await stage.at(5.0)
        await stage.press("P")
        await stage.until(lambda: isinstance(stage.app.screen, CacheView))
        rows = rows_of(stage.app.screen.query_one("#cache-lines", LinesView))
        assert "900" in rows[0].split()
        assert "This file has no request" in " ".join(rows)


async def test_in_a_recording_any_run_of_the_conversation_has_them_all(tmp_path: Path) -> None:
    agent = AgentSession()
    turns = [user("Mend it.")]
    for number in range(20):
        reads = (0.5, pb.text_block(0, f"So {number}."))
        turns = [*agent.ask(turns, reads, usage=(4, 100 * number, 100, 5)), user(f"On {number}")]
    path = tmp_path / "session.jsonl"
    agent.write(path)
    factories, _ = recorded(path)
    async with on_stage(*factories, size=(80, 24)) as stage:
        await stage.at(3600.0)
        await stage.press("P")
        await stage.until(lambda: isinstance(stage.app.screen, CacheView))
        view = stage.app.screen.query_one("#cache-lines", LinesView)
        await stage.until(lambda: len(view.lines) > 20)
        rows = ["".join(text for text, _ in line.pieces) for line in view.lines]
        numbers = [row.split()[0] for row in rows if "claude-sonnet" in row]
        assert numbers == ["1\u25b8", *map(str, range(2, 21))]
        await stage.press("escape", "right_curly_bracket", "P")
        await stage.until(lambda: "2\u25b8" in stage.text)
