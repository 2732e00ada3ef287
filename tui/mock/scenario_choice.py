"""Which scenario answers a request: the one its model names, or the one its words ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tui import scenarios
from tui.core.records import JsonObject
from tui.mock.answers import answer, prompt, results, thought_over
from tui.mock.api import ApiError, brief
from tui.mock.validation import MODEL_PREFIX, is_claude, max_tokens
from tui.scenarios import Scenario, UnknownScenario

AFTER_TOOL: Final = "after-tool"
FALLBACK: Final = "plain"
MODELS: Final = (
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-haiku-5-5",
    "claude-opus-4-8",
    "claude-sonnet-4-6",
    "claude-haiku-4-5",
)
"""Some of the names of the API's models; all others are answered as well."""
MODELS_SINCE: Final = "2026-01-01T00:00:00Z"

_CONTEXT_TOKENS: Final = 1_000_000


class ScenarioChoice:
    """The built-in scenarios and `extra` ones, which come first.

    `scenario:NAME` plays that scenario, until the request brings a tool's results. Any other model
    of the API is answered by an answer made for the request, or else by the scenario whose prompt
    it is, whose words come up most, or `plain`.
    """

    def __init__(self, extra: Mapping[str, Scenario]) -> None:
        self.extra = extra
        self._names = [*extra, *(name for name in scenarios.names() if name not in extra)]
        self._words: dict[str, frozenset[str]] = {}
        self._prompts: dict[str, str] = {}
        self._calls: dict[str, set[str]] = {}

    def models(self) -> list[str]:
        """The names of models that are listed: the scenarios, and models of the API."""
        return [*(MODEL_PREFIX + name for name in self._names), *MODELS]

    def is_own(self, scenario: Scenario) -> bool:
        """Whether the scenario is one of `extra`, to be played as it is."""
        return any(scenario is own for own in self.extra.values())

    def check_known(self, model: str) -> None:
        """Raise ApiError unless there is such a model."""
        if model.startswith(MODEL_PREFIX):
            if (name := model.removeprefix(MODEL_PREFIX)) not in self._names:
                raise ApiError(404, f"model: {brief(model)} ({brief(str(UnknownScenario(name)))})")
        elif not is_claude(model):
            raise ApiError(404, f"model: {brief(model)}")

    def model(self, model: str) -> JsonObject:
        """What the API tells about a model. Raises ApiError."""
        self.check_known(model)
        name = model.removeprefix(MODEL_PREFIX)
        if model == name:
            title = name.replace("-", " ").title()
        else:
            title = self.extra[name].title if name in self.extra else scenarios.header(name).title
        return {
            "type": "model",
            "id": model,
            "display_name": title,
            "created_at": MODELS_SINCE,
            "lifecycle": "active",
            "max_input_tokens": _CONTEXT_TOKENS,
            "max_tokens": max_tokens(model),
        }

    def of(self, body: JsonObject) -> Scenario:
        """The scenario for a valid request."""
        model, found = body["model"], results(body)
        if not model.startswith(MODEL_PREFIX):
            if made := answer(body):
                return made
            name = self._by_words(prompt(body), body.get("tools", []))
            return thought_over(self._load(name), body)
        if not found:
            return self._load(model.removeprefix(MODEL_PREFIX))
        # Asked for a tool call and given its result, the same call again would never end.
        known = {tool["name"] for tool in scenarios.header(AFTER_TOOL).tools}
        written = known.issuperset(result.tool for result in found)
        return (None if written else answer(body)) or self._load(AFTER_TOOL)

    def _load(self, name: str) -> Scenario:
        return self.extra[name] if name in self.extra else scenarios.load(name)

    def _by_words(self, said: str, offered: Sequence[Mapping[str, Any]]) -> str:
        if not self._words:
            for name in scenarios.names():
                header = scenarios.header(name)
                self._words[name] = frozenset(header.words)
                self._prompts.setdefault(header.prompt, name)
                # What a client runs: a tool of the server has no schema.
                tools = (tool for tool in header.tools if "input_schema" in tool)
                self._calls[name] = {tool["name"] for tool in tools}
        # Where tools are offered, no other one is called.
        able = {tool.get("name") for tool in offered}
        names = [name for name in self._words if not offered or self._calls[name] <= able]
        if self._prompts.get(said) in names:
            return self._prompts[said]
        words = set(re.findall(r"[a-z]+", said.lower()))
        best = max(names, key=lambda name: len(self._words[name] & words))
        return best if self._words[best] & words else FALLBACK
