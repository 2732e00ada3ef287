"""A Messages API on loopback that answers from the built-in scenarios, with their timing.

The scenario is chosen by the model name `scenario:NAME`, else by the words of the last user
message, else it is `plain`. A request that brings tool results gets the answer that follows them.
`x-streamscope-fault` makes a response go wrong on purpose; see `tui.relay.faults`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tui import scenarios
from tui.core.records import Chunk
from tui.core.session import Session
from tui.relay.api import (
    STATUSES,
    ApiError,
    api_headers,
    authenticate,
    body_of,
    checked,
    estimate_tokens,
    json_response,
    on_api_error,
    on_crash,
    on_http_error,
)
from tui.relay.faults import Faults
from tui.relay.guard import Guard
from tui.relay.playback import Plan, Playback
from tui.relay.server import LoopbackServer
from tui.scenarios import Scenario, UnknownScenario

FAULT_HEADER: Final = "x-streamscope-fault"
MODEL_PREFIX: Final = "scenario:"
AFTER_TOOL: Final = "after-tool"
MODELS_SINCE: Final = "2026-01-01T00:00:00Z"


class Received(NamedTuple):
    """A request to `/v1/messages`, as it came."""

    headers: dict[str, str]
    body: bytes


class _Mock:
    def __init__(
        self, speed: float, extra: Mapping[str, Scenario], received: deque[Received] | None
    ) -> None:
        if not speed > 0:
            raise ValueError(f"the speed has to be more than 0, not {speed}")
        self.speed = speed
        self.extra = extra
        self.received = received
        self._loaded: dict[str, Scenario] = dict(extra)
        self._words: dict[str, frozenset[str]] = {}
        self._prompts: dict[str, str] = {}

    # Routes

    async def messages(self, request: Request) -> Response | Playback:
        raw = await body_of(request)
        if self.received is not None:
            self.received.append(Received(dict(request.headers), raw))
        body = checked(request, raw, ("model", "max_tokens", "messages"))
        try:
            faults = Faults.parse(request.headers.get(FAULT_HEADER, ""))
        except ValueError as error:
            raise ApiError(400, f"{FAULT_HEADER}: {error}") from None
        if faults.status is not None:
            await asyncio.sleep(faults.slow_start)
            raise ApiError(
                faults.status,
                f"Asked for by the header {FAULT_HEADER}",
                retry_after=faults.retry_after or "",
            )
        scenario = self._chosen(body)
        stream = body.get("stream", False)
        if stream:
            plan = Plan.at_speed(scenario.chunks, scenario.how, scenario.duration_ns, self.speed)
        else:
            plan = await self._whole(scenario)
        kind = b"text/event-stream; charset=utf-8" if stream else b"application/json"
        headers = [
            *api_headers(body),
            (b"content-type", kind),
            (b"cache-control", b"no-cache"),
        ]
        return Playback(faults.apply(plan), 200, headers)

    async def count_tokens(self, request: Request) -> Response:
        body = checked(request, await body_of(request), ("model", "messages"))
        return json_response({"input_tokens": estimate_tokens(body)}, api_headers(body))

    async def models(self, request: Request) -> Response:
        authenticate(request)
        query = request.query_params
        try:
            limit = int(query.get("limit", "20"))
        except ValueError:
            limit = 0
        if not 1 <= limit <= 1000:
            raise ApiError(400, "limit: Input should be a whole number from 1 to 1000")
        ids = [MODEL_PREFIX + name for name in self._names()]
        if (after := query.get("after_id")) in ids:
            ids = ids[ids.index(after) + 1 :]
        if (before := query.get("before_id")) in ids:
            ids = ids[: ids.index(before)]
        page = ids[:limit]
        data = [self._model(model) for model in page]
        return json_response(
            {
                "data": data,
                "has_more": len(ids) > limit,
                "first_id": page[0] if page else None,
                "last_id": page[-1] if page else None,
            },
            api_headers({}),
        )

    async def model(self, request: Request) -> Response:
        authenticate(request)
        model = request.path_params["model"]
        if model.removeprefix(MODEL_PREFIX) not in self._names():
            raise ApiError(404, f"model: {model}")
        return json_response(self._model(model), api_headers({}))

    # Scenarios

    def _names(self) -> list[str]:
        return [*self.extra, *(name for name in scenarios.names() if name not in self.extra)]

    def _load(self, name: str) -> Scenario:
        if name not in self._loaded:
            self._loaded[name] = scenarios.load(name)
        return self._loaded[name]

    def _model(self, model: str) -> dict[str, Any]:
        name = model.removeprefix(MODEL_PREFIX)
        title = self.extra[name].title if name in self.extra else scenarios.header(name).title
        return {
            "type": "model",
            "id": model,
            "display_name": title,
            "created_at": MODELS_SINCE,
            "lifecycle": "active",
        }

    def _chosen(self, body: dict[str, Any]) -> Scenario:
        model, asked = body["model"], _last_content(body)
        brings_results = isinstance(asked, list) and any(
            isinstance(block, dict) and block.get("type") == "tool_result" for block in asked
        )
        name = model.removeprefix(MODEL_PREFIX) if model.startswith(MODEL_PREFIX) else ""
        try:
            if name:
                chosen = self._load(name)
                # Asked for a tool call and given its result, the same call again would never end.
                return self._load(AFTER_TOOL) if brings_results else chosen
            return self._load(AFTER_TOOL if brings_results else self._by_words(_text(asked)))
        except UnknownScenario as error:
            raise ApiError(404, f"model: {model} ({error})") from None

    def _by_words(self, prompt: str) -> str:
        if not self._words:
            for name in scenarios.names():
                header = scenarios.header(name)
                self._words[name] = frozenset(header.words)
                self._prompts.setdefault(header.prompt, name)
        if prompt in self._prompts:
            return self._prompts[prompt]
        said = set(re.findall(r"[a-z]+", prompt.lower()))
        best = max(self._words, key=lambda name: len(self._words[name] & said))
        return best if self._words[best] & said else "plain"

    async def _whole(self, scenario: Scenario) -> Plan:
        """The scenario as the API answers it without streaming."""
        session = Session()
        for chunk in scenario.chunks:
            session.feed(chunk.t_ns, chunk.data)
        session.finish(scenario.duration_ns)
        state = session.runs[0].state
        wait_ns = int(scenario.duration_ns / self.speed)
        if scenario.how == "reset":
            return Plan((), "reset", wait_ns)
        if state.error is not None:
            await asyncio.sleep(wait_ns / 1e9)
            kind = str(state.error.get("type", "api_error"))
            raise ApiError(STATUSES.get(kind, 500), str(state.error.get("message", "")), kind)
        data = json.dumps(state.message_json(), separators=(",", ":")).encode()
        return Plan((Chunk(wait_ns, data),), "eof", wait_ns)


def create_app(
    *,
    speed: float = 1.0,
    extra: Mapping[str, Scenario] | None = None,
    received: deque[Received] | None = None,
) -> Starlette:
    """The mock as a Starlette app.

    `speed` divides the scenarios' times; `math.inf` answers without waiting. `extra` adds
    scenarios by name. `received` is given every request to `/v1/messages`, credentials included.
    """
    mock = _Mock(speed, extra or {}, received)
    app = Starlette(
        routes=[
            Route("/v1/messages", mock.messages, methods=["POST"]),
            Route("/v1/messages/count_tokens", mock.count_tokens, methods=["POST"]),
            Route("/v1/models", mock.models, methods=["GET"]),
            Route("/v1/models/{model:path}", mock.model, methods=["GET"]),
        ],
        exception_handlers={
            ApiError: on_api_error,
            HTTPException: on_http_error,
            Exception: on_crash,
        },
    )
    app.add_middleware(Guard)
    return app


class MockServer(LoopbackServer):
    """The mock on 127.0.0.1 while its `async with` block runs; `url` is the base URL.

    `received` keeps the newest 256 requests to `/v1/messages`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        speed: float = 1.0,
        extra: Mapping[str, Scenario] | None = None,
    ) -> None:
        self.received: deque[Received] = deque(maxlen=256)
        super().__init__(create_app(speed=speed, extra=extra, received=self.received), port=port)

    async def __aenter__(self) -> MockServer:
        await super().__aenter__()
        return self


def serve(port: int = 0, speed: float = 1.0) -> None:
    """Run the mock until interrupted; says on standard output where it is and how to use it.

    Raises OSError when the port is taken, and KeyboardInterrupt on Ctrl+C.
    """
    asyncio.run(_serve(port, speed))


async def _serve(port: int, speed: float) -> None:
    server = LoopbackServer(create_app(speed=speed), port=port)
    async with server:
        print(
            f"streamscope mock on {server.url}; point a client to it with "
            f"ANTHROPIC_BASE_URL={server.url} ANTHROPIC_API_KEY=any",
            flush=True,
        )
        await asyncio.Event().wait()


def _last_content(body: dict[str, Any]) -> object:
    asked = [message for message in body["messages"] if message["role"] == "user"]
    return asked[-1]["content"] if asked else ""


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    texts = [block.get("text") for block in blocks if isinstance(block, dict)]
    return "\n".join(text for text in texts if isinstance(text, str))
