"""A scenario as a source."""

from __future__ import annotations

import pytest

from tui.core.records import Chunk
from tui.scenarios import UnknownScenario, load
from tui.sources import Source, SourceEnded
from tui.sources.scenario import ScenarioSource

pytestmark = pytest.mark.asyncio


async def test_yields_the_scenario_as_it_is() -> None:
    source: Source = ScenarioSource("one-tool")
    scenario = load("one-tool")
    assert [chunk async for chunk in source.chunks()] == list(scenario.chunks)
    await source.aclose()


async def test_says_what_it_is() -> None:
    scenario = load("plain")
    info = ScenarioSource(scenario).info
    assert (info.title, info.prompt, info.request) == (
        scenario.title,
        scenario.prompt,
        scenario.request,
    )
    assert (info.kind, info.timed, info.paced) == ("demo", True, True)


async def test_a_lost_connection_is_raised_after_the_last_chunk() -> None:
    source = ScenarioSource("connection-lost")
    got: list[Chunk] = []
    with pytest.raises(SourceEnded) as caught:
        async for chunk in source.chunks():
            got.append(chunk)
    assert got == list(source.scenario.chunks)
    ended = caught.value
    assert (ended.how, ended.status, ended.retryable) == ("reset", 200, True)
    assert str(ended).startswith("Connection lost: ")
    assert "\n" not in ended.detail


@pytest.mark.parametrize("name", ["plain", "connection-lost"])
async def test_closed_it_stops(name: str) -> None:
    source = ScenarioSource(name)
    got = []
    async for chunk in source.chunks():
        got.append(chunk)
        await source.aclose()
        await source.aclose()
    assert len(got) == 1


async def test_can_be_read_again() -> None:
    source = ScenarioSource("refusal")
    first = [chunk async for chunk in source.chunks()]
    assert first == [chunk async for chunk in source.chunks()]


async def test_an_unknown_name_is_told_at_once() -> None:
    with pytest.raises(UnknownScenario):
        ScenarioSource("plane")


async def test_an_ending_without_detail_is_its_label() -> None:
    ended = SourceEnded("timeout", "Read timeout", "")
    assert str(ended) == "Read timeout"
    assert (ended.status, ended.request_id, ended.retryable, ended.error) == (None,) * 4
