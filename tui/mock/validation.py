"""What the Messages API asks of a request, field by field. The first fault is told, with its path.

The checks of messages, of tools and of `cache_control` are in modules of their own.
"""

from __future__ import annotations

import re
from typing import Final

from tui.core.records import JsonObject
from tui.mock.api import ApiError
from tui.mock.cache_checks import check_marks
from tui.mock.field_checks import expect, one_of, refuse, tagged
from tui.mock.message_checks import check_messages, unexpected_system
from tui.mock.tool_checks import check_tool_choice, check_tools

MODEL_PREFIX: Final = "scenario:"

_FIELDS: Final = {
    "cache_control": "an object",
    "container": "",
    "diagnostics": "an object",
    "inference_geo": "a string",
    "max_tokens": "a whole number",
    "messages": "a list",
    "metadata": "an object",
    "model": "a string",
    "output_config": "an object",
    "service_tier": "a string",
    "speed": "a string",
    "stop_sequences": "a list",
    "stream": "true or false",
    "system": "",
    "temperature": "a number",
    "thinking": "an object",
    "tool_choice": "an object",
    "tools": "a list",
    "top_k": "a whole number",
    "top_p": "a number",
}
_NULLABLE: Final = frozenset(
    {"cache_control", "container", "diagnostics", "inference_geo", "output_config", "speed"}
)
_NOT_COUNTED: Final = frozenset(
    "container diagnostics inference_geo max_tokens metadata service_tier stop_sequences stream "
    "temperature top_k top_p".split()
)
_LIMITS: Final = (((3, 6), 8_192), ((4, 5), 64_000))
_MOST_TOKENS: Final = 128_000
_LAST_WITH_PREFILL: Final = (4, 5)
_FIRST_WITH_SYSTEM: Final = (4, 8)
"""The first model that takes a system message between the turns."""
_LEAST_THINKING: Final = 1_024
_THINKING: Final = ("adaptive", "between_tools", "disabled", "enabled")
_EFFORTS: Final = ("low", "medium", "high", "xhigh", "max")
_OUTPUT: Final = frozenset({"effort", "format"})
_VERSION: Final = re.compile(r"-(\d{1,2})(?=-|$)")


def check(body: JsonObject, *, counting: bool = False, beta: bool = False) -> None:
    """Raise ApiError with what the API would say against a request, else do nothing.

    `counting` is for the endpoint that counts tokens; with `beta` there may be fields that are
    not known. The model is not looked at: see `check_model`.
    """
    required = ("model", "messages") if counting else ("model", "max_tokens", "messages")
    for name in required:
        if name not in body:
            raise refuse(name, "Field required")
    for name, value in body.items():
        called = _FIELDS.get(name)
        if not beta and (called is None or (counting and name in _NOT_COUNTED)):
            raise refuse(name, "Extra inputs are not permitted")
        if called and not (value is None and name in _NULLABLE):
            expect(name, value, called)
    _check_numbers(body)
    _check_system(body)
    _check_stop_sequences(body)
    check_tools(body, beta=beta)
    check_tool_choice(body)
    _check_output(body, beta=beta)
    _check_diagnostics(body)
    _check_thinking(body)
    check_messages(body["messages"], beta=beta)
    check_marks(body)


def check_model(body: JsonObject) -> None:
    """Raise ApiError where a valid request asks for more than its model can do."""
    model, most = body["model"], max_tokens(body["model"])
    if body.get("max_tokens", 0) > most:
        raise refuse(
            "max_tokens",
            f"{body['max_tokens']} > {most}, which is the maximum allowed number of output tokens "
            f"for {model}",
        )
    if any(each["role"] == "system" for each in body["messages"]) and not _takes_system(model):
        raise unexpected_system()
    if body["messages"][-1]["role"] == "assistant" and not _takes_prefill(model):
        raise ApiError(
            400,
            "This model does not support assistant message prefill. "
            "The conversation must end with a user message.",
        )


def is_claude(model: str) -> bool:
    """Whether `model` reads as the name of a model of the API."""
    return re.fullmatch(r"claude-[a-z0-9.-]+", model) is not None


def max_tokens(model: str) -> int:
    """The largest answer that `model` gives."""
    version = _version(model)
    limits = (limit for last, limit in _LIMITS if version is not None and version <= last)
    return next(limits, _MOST_TOKENS)


def _takes_prefill(model: str) -> bool:
    version = _version(model)
    named = model.startswith(MODEL_PREFIX)
    return named or (version is not None and version <= _LAST_WITH_PREFILL)


def _takes_system(model: str) -> bool:
    version = _version(model)
    return version is None or version >= _FIRST_WITH_SYSTEM


def _version(model: str) -> tuple[int, int] | None:
    """The version in a name such as claude-sonnet-4-6; None where there is none."""
    numbers = [int(number) for number in _VERSION.findall(model)] if is_claude(model) else []
    return (numbers[0], numbers[1] if len(numbers) > 1 else 0) if numbers else None


def _within(body: JsonObject, name: str, low: float, high: float | None = None) -> None:
    value = body.get(name)
    if value is None:
        return
    if value < low:
        raise refuse(name, f"Input should be greater than or equal to {low}")
    if high is not None and value > high:
        raise refuse(name, f"Input should be less than or equal to {high}")


def _check_numbers(body: JsonObject) -> None:
    _within(body, "max_tokens", 0)  # Nothing is written, and the cache is warm.
    _within(body, "temperature", 0, 1)
    _within(body, "top_p", 0, 1)
    _within(body, "top_k", 0)
    if "service_tier" in body:
        one_of("service_tier", body["service_tier"], ("auto", "standard_only"))


def _check_system(body: JsonObject) -> None:
    system = body.get("system", "")
    if isinstance(system, str):
        return
    if not isinstance(system, list):
        raise refuse("system", "Input should be a string or a list")
    for at, block in enumerate(system):
        path = f"system.{at}"
        expect(path, block, "an object")
        if "type" not in block:
            raise refuse(f"{path}.type", "Field required")
        one_of(f"{path}.type", block["type"], ("text",))
        if "text" not in block:
            raise refuse(f"{path}.text", "Field required")
        expect(f"{path}.text", block["text"], "a string")
        if not block["text"]:
            raise refuse("system", "text content blocks must be non-empty")


def _check_stop_sequences(body: JsonObject) -> None:
    for at, sequence in enumerate(body.get("stop_sequences", [])):
        expect(f"stop_sequences.{at}", sequence, "a string")
        if not sequence.strip():
            raise refuse("stop_sequences", "each stop sequence must contain non-whitespace")


def _check_output(body: JsonObject, *, beta: bool) -> None:
    """How much effort, and in what form: the form has an older place as well, with beta headers."""
    config = body.get("output_config") or {}
    for name in config:
        if name not in _OUTPUT and not beta:
            raise refuse(f"output_config.{name}", "Extra inputs are not permitted")
    if config.get("effort") is not None:
        one_of("output_config.effort", config["effort"], _EFFORTS)
    forms = [
        ("output_config.format", config.get("format")),
        ("output_format", body.get("output_format")),
    ]
    given = [(path, form) for path, form in forms if form is not None]
    for path, form in given:
        expect(path, form, "an object")
        for name in ("type", "schema"):
            if name not in form:
                raise refuse(f"{path}.{name}", "Field required")
        one_of(f"{path}.type", form["type"], ("json_schema",))
        expect(f"{path}.schema", form["schema"], "an object")
    if len(given) > 1:
        raise refuse("output_format", "cannot be set together with `output_config.format`")


def _check_diagnostics(body: JsonObject) -> None:
    previous = (body.get("diagnostics") or {}).get("previous_message_id")
    if previous is not None:
        expect("diagnostics.previous_message_id", previous, "a string")


def _check_thinking(body: JsonObject) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = tagged("thinking", thinking, _THINKING)
    if kind == "enabled":
        path = "thinking.enabled.budget_tokens"
        if "budget_tokens" not in thinking:
            raise refuse(path, "Field required")
        budget = thinking["budget_tokens"]
        expect(path, budget, "a whole number")
        if budget < _LEAST_THINKING:
            raise refuse(path, f"Input should be greater than or equal to {_LEAST_THINKING}")
        if budget >= body.get("max_tokens", budget + 1):
            raise ApiError(400, "`max_tokens` must be greater than `thinking.budget_tokens`.")
    if kind in ("adaptive", "enabled"):
        if body.get("temperature", 1) != 1:
            raise ApiError(
                400,
                "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.",
            )
        if body.get("tool_choice", {}).get("type") in ("any", "tool"):
            raise ApiError(400, "Thinking may not be enabled when tool_choice forces tool use.")
