"""Answers that are made once and kept: the same request again costs next to nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace
from typing import Final

from tui.core.records import Chunk, JsonObject
from tui.mock.answers import MADE
from tui.mock.fitting import AnswerTemplate
from tui.mock.scenario_choice import ScenarioChoice
from tui.mock.threads import is_threaded
from tui.scenarios import Scenario

SIZE: Final = 64


class AnswerTemplates:
    """The templates for the newest requests, and for every scenario that was played.

    Their times are divided by `speed`; `math.inf` leaves no waiting at all.
    """

    def __init__(self, choice: ScenarioChoice, speed: float, size: int = SIZE) -> None:
        self.choice = choice
        self.speed = speed
        self.size = size
        self._by_name: dict[str, AnswerTemplate] = {}
        self._by_request: OrderedDict[bytes, AnswerTemplate] = OrderedDict()

    def of(self, body: JsonObject, raw: bytes) -> AnswerTemplate:
        """The template for a valid request, which came as `raw`."""
        if is_threaded(body):
            # What came is but a part of the request: the server holds the rest.
            return self._made(body)
        key = hashlib.sha256(raw).digest()
        template = self._by_request.pop(key, None) or self._made(body)
        self._by_request[key] = template
        while len(self._by_request) > self.size:
            self._by_request.popitem(last=False)
        return template

    def _made(self, body: JsonObject) -> AnswerTemplate:
        scenario = self.choice.of(body)
        if self.choice.is_own(scenario):
            return AnswerTemplate(_paced(scenario, self.speed), changed=False)
        if scenario.name == MADE:
            return AnswerTemplate(_paced(scenario, self.speed))
        if scenario.name not in self._by_name:
            self._by_name[scenario.name] = AnswerTemplate(_paced(scenario, self.speed))
        return self._by_name[scenario.name]


def _paced(scenario: Scenario, speed: float) -> Scenario:
    if speed == 1:
        return scenario
    chunks = tuple(Chunk(int(chunk.t_ns / speed), chunk.data) for chunk in scenario.chunks)
    return replace(scenario, chunks=chunks, duration_ns=int(scenario.duration_ns / speed))
