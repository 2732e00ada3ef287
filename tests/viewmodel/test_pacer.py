"""The text of a run as it is shown to somebody who reads along."""

from __future__ import annotations

from tests import playbook as pb
from tui.core.session import Session
from tui.viewmodel.pacer import Pacer


def test_what_is_shown_only_grows_and_ends_with_all_of_it() -> None:
    session = Session()
    pacer = Pacer("sentence")
    session.feed(0, pb.wire(pb.message_start(), pb.text_start(), pb.text(0, "One. Tw")))
    assert pacer.update(session.run.state, 0)[0].text() == "One."
    session.feed(1, pb.wire(pb.text(0, "o. ")))
    assert pacer.update(session.run.state, 1)[0].text() == "One. Two."
    session.feed(2, pb.wire(pb.text(0, "Thr"), pb.block_stop(), *pb.ending()))
    assert pacer.update(session.run.state, 2)[0].text() == "One. Two. Thr"


def test_each_block_has_its_own_pace() -> None:
    session = Session()
    pacer = Pacer("character")
    session.feed(0, pb.wire(pb.message_start(), *pb.text_block(0, "First"), pb.text_start(1)))
    assert pacer.update(session.run.state, 0)[0].text() == "First", "it was there before"
    session.feed(0, pb.wire(pb.text(1, "x" * 100)))
    early = len(pacer.update(session.run.state, 1_000_000)[1])
    assert early < 100
    session.finish(10)
    later = len(pacer.update(session.run.state, 5_000_000_000)[1])
    assert early < later == 100
