"""Which requests make a conversation, and which a branch of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.messages.test_following import answered, asked, call, result
from tests.messages.test_linking import EXCHANGES
from tui.core.records import JsonObject
from tui.messages.conversations import Conversations, session_of, user_of
from tui.messages.linking import RequestAndAnswer, link

CODER = "You are a coding agent. You read and write files and run commands until all is done."
SEARCHER = "You search a code base, and report what was found, with the lines it was found in."
TITLER = "Give this conversation a title of at most five words."


def placed(*exchanges: tuple[JsonObject, JsonObject | None]) -> list[tuple[int, int]]:
    """The conversation and the branch of each request."""
    known = taken(*exchanges)
    return [(place.conversation, place.branch) for place in known.places]


def taken(*exchanges: tuple[JsonObject, JsonObject | None]) -> Conversations:
    known = Conversations()
    for number, (request, answer) in enumerate(exchanges):
        known.ask(request)
        known.answered(number, answer)
    return known


def test_two_conversations_side_by_side() -> None:
    assert placed(
        (asked("One."), answered("First answer.")),
        (asked("Two."), answered("Second answer.")),
        (asked("Two.", "Second answer.", "More."), None),
        (asked("One.", "First answer.", "More."), None),
    ) == [(0, 0), (1, 0), (1, 0), (0, 0)]


def test_another_way_from_the_same_answer_is_a_branch() -> None:
    known = taken(
        (asked("Hi."), answered("Hello there.")),
        (asked("Hi.", "Hello there.", "And?"), answered("Well.")),
        (asked("Hi.", "Hello there.", "Or?"), answered("Perhaps.")),
        (asked("Hi.", "Hello there.", "Or?", "Perhaps.", "So?"), None),
        (asked("Hi.", "Another answer altogether.", "No?"), None),
    )
    assert [(one.conversation, one.branch) for one in known.places] == [
        *[(0, 0), (0, 0), (0, 1), (0, 1), (0, 2)]
    ]
    (talk,) = known.talks
    assert [(branch.kind, branch.start) for branch in talk.branches] == [
        *[("main", None), ("branch", 0), ("branch", 0)]
    ]


def test_another_attempt_goes_on_with_its_branch() -> None:
    assert placed(
        (asked("Hi."), None),
        (asked("Hi."), answered("Hello there.")),
        (asked("Hi.", "Hello there.", "And?"), None),
        (asked("Hi."), answered("Good morning.")),
    ) == [(0, 0), (0, 0), (0, 0), (0, 1)]


def test_what_a_tool_is_told_is_asked_by_a_sub_agent() -> None:
    task = "Find all callers of the function that reads the settings."
    spawn = {"type": "tool_use", "id": "t1", "name": "agent", "input": {"prompt": task}}
    known = taken(
        (asked("Mend it.", system=CODER), answered(spawn)),
        (asked(task, system=SEARCHER), answered(call("t2"))),
        (asked(task, [call("t2")], result("t2"), system=SEARCHER), answered("Three callers.")),
        (asked("Mend it.", [spawn], result("t1"), system=CODER), None),
    )
    assert [(one.conversation, one.branch) for one in known.places] == [
        *[(0, 0), (0, 1), (0, 1), (0, 0)]
    ]
    assert [(one.kind, one.start) for one in known.talks[0].branches] == [
        *[("main", None), ("sub-agent", 0)]
    ]
    assert known.talks[0].requests == [0, 1, 2, 3]


def test_a_session_keeps_side_calls_together() -> None:
    session = {"user_id": "user_1_account_2_session_0f1e2d3c-0000-4000-8000-000000000000"}
    other = {"user_id": "user_1_account_2_session_99999999-0000-4000-8000-000000000000"}
    known = taken(
        (asked("Mend it.", system=CODER, metadata=session), answered("Done with it.")),
        (asked("A title?", system=TITLER, metadata=session, model="small"), None),
        (asked("Mend it.", system=CODER, metadata=other), None),
    )
    assert [(one.conversation, one.branch) for one in known.places] == [(0, 0), (0, 1), (1, 0)]
    assert known.talks[0].branches[1].kind == "side call"


def test_an_agent_is_the_main_one_though_a_side_call_came_first() -> None:
    session = {"session_id": "s1"}
    tools = {"tools": [{"name": "read"}]}
    known = taken(
        (asked("A title for: Mend it.", system=TITLER, metadata=session), answered("Mending")),
        (asked("Mend it.", system=CODER, metadata=session, **tools), answered("Done with it.")),
        (asked("A word?", system=TITLER, metadata=session), None),
        (asked("Find it.", system=SEARCHER, metadata=session, **tools), None),
        (asked("Mend it.", "Done with it.", "Thanks.", system=CODER, metadata=session), None),
    )
    assert [known.label(number) for number in range(5)] == [
        *("1a.1 side call:", "1.1", "1c.1 side call:", "1d.1 side call:", "1.2")
    ]


def test_a_thread_goes_on_without_saying_its_system_prompt_again() -> None:
    def thread(answer: str) -> JsonObject:
        return {"thread": {"type": "continue", "previous_message_id": answer}}

    first = {**answered("Hello there."), "id": "msg_1"}
    known = taken(
        (asked("Hi.", system=CODER, thread={"type": "create"}), first),
        (asked("And?", **thread("msg_1")), {**answered("Well."), "id": "msg_2"}),
        (asked("So?", **thread("msg_2")), None),
    )
    assert [known.label(number) for number in range(3)] == ["1.1", "1.2", "1.3"]


def test_what_a_request_is_called() -> None:
    known = taken(
        (asked("Hi."), answered("Hello there.")),
        (asked("Hi.", "Hello there.", "And?"), answered("Well.")),
        (asked("Hi.", "Hello there.", "Or?"), answered("Perhaps.")),
        (asked("Something else."), None),
    )
    assert [known.label(number) for number in range(4)] == ["1.1", "1.2", "1b.1", "2.1"]


def test_an_answer_says_whether_it_came_too_late() -> None:
    task = "Find all callers of the function that reads the settings."
    spawn = {"type": "tool_use", "id": "t1", "name": "agent", "input": {"prompt": task}}
    known = Conversations()
    for request in (asked("Mend it.", system=CODER), asked("Another."), asked(task)):
        known.ask(request)
    assert known.answered(0, answered(spawn))  # What it has asked stands by itself.
    assert not known.answered(1, answered("Nothing goes on from it."))
    known.ask(asked("Another.", "Nothing goes on from it.", "More."))
    assert known.answered(1, answered("It does now."))
    known.ask(asked("So?", thread={"previous_message_id": "msg_7"}))
    assert known.answered(2, answered("Three callers.", id="msg_7"))


def test_a_user_is_no_session() -> None:
    """Somebody asks several things: what another agent is asked goes with the last of them."""
    user = {"user_id": "user-7"}
    known = taken(
        (asked("Mend it.", system=CODER, metadata=user), answered("Done with it.")),
        (asked("A title?", system=TITLER, metadata=user, model="small"), None),
        (asked("Explain it.", system=CODER, metadata=user), answered("It was broken.")),
        (asked("Another title?", system=TITLER, metadata=user, model="small"), None),
        (asked("Mend it.", "Done with it.", "Thanks.", system=CODER, metadata=user), None),
        (asked("Explain it.", system=CODER, metadata={"user_id": "user-8"}), None),
    )
    assert [(one.conversation, one.branch) for one in known.places] == [
        *[(0, 0), (0, 1), (1, 0), (1, 1), (0, 0), (2, 0)]
    ]


def test_a_side_call_may_bring_the_whole_history() -> None:
    history = ("Mend it.", "Done with it.", "Thanks.")
    assert placed(
        (asked("Mend it.", system=CODER), answered("Done with it.")),
        (asked(*history, system=TITLER), answered("Mending")),
        (asked(*history, system=CODER), answered("You are welcome.")),
    ) == [(0, 0), (0, 1), (0, 0)]


def test_a_date_in_the_system_prompt_is_no_other_agent() -> None:
    assert placed(
        (asked("Hi.", system=f"It is 12:01. {CODER}"), answered("Hello there.")),
        (asked("Hi.", "Hello there.", "And?", system=f"It is 12:02. {CODER}"), None),
    ) == [(0, 0), (0, 0)]


def test_where_a_session_is_named() -> None:
    assert session_of({}, {}) == ""
    assert session_of({"metadata": {"user_id": "me"}}, {}) == ""
    assert user_of({"metadata": {"user_id": "me"}}) == "me"
    assert user_of({"metadata": {"user_id": 7}}) == user_of({"metadata": None}) == ""
    assert session_of({"metadata": {"user_id": '{"session_id": "s1"}'}}, {}) == "s1"
    assert session_of({"metadata": {"session_id": "s2", "user_id": "me"}}, {}) == "s2"
    assert session_of({}, {"X-Agent-Session-Id": "s3"}) == "s3"
    assert session_of({"metadata": "?"}, {"user-agent": "x"}) == ""


def test_a_later_message_of_a_body_stays_with_it() -> None:
    known = taken((asked("Hi."), answered("Hello there.")))
    known.goes_on(0)
    assert known.talks[0].branches[0].requests == [0, 1]
    known.ask(asked("Hi.", "Hello there.", "And?"))
    assert known.places[2].branch == 0


@given(EXCHANGES, st.booleans())
def test_each_request_is_in_one_place(exchanges: list[RequestAndAnswer], named: bool) -> None:
    known = Conversations()
    for number, (request, answer) in enumerate(exchanges):
        fields = {"metadata": {"session_id": "s"}} if named else {}
        known.ask({**(request or {}), **fields})
        known.answered(number, answer)
    assert sorted(n for talk in known.talks for n in talk.requests) == list(range(len(exchanges)))
    for talk in known.talks:
        assert sorted(n for branch in talk.branches for n in branch.requests) == talk.requests
        assert all(branch.requests for branch in talk.branches)
        assert [branch.start for branch in talk.branches].count(None) == 1
    found = [place.link for place in known.places]
    assert [one.before for one in found] == [one.before for one in link(exchanges)]
    if named:
        assert len(known.talks) <= 1
