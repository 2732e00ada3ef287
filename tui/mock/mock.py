"""A Messages API on loopback that answers from the built-in scenarios, with their timing.

The scenario is chosen by the model name or the words of the prompt (`tui.mock.choice`), and then
fitted to the request: its model, its tokens, its limits (`tui.mock.fitting`).

`x-streamscope-fault`, or what follows a `!` in the model name, makes a response go wrong on
purpose (`tui.mock.faults`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tui.core.records import Chunk, JsonObject
from tui.mock import answers
from tui.mock.api import (
    STATUSES,
    ApiError,
    api_headers,
    authenticate,
    body_of,
    json_response,
    new_request_id,
    on_api_error,
    on_crash,
    on_http_error,
    parsed,
)
from tui.mock.choice import Choice
from tui.mock.faults import Faults
from tui.mock.fitting import Order, fitted
from tui.serving.guard import Guard
from tui.mock.playback import Plan, Playback
from tui.serving.server import LoopbackServer
from tui.mock.threads import Threads
from tui.mock.usage import PromptCache, estimate_tokens
from tui.mock.validation import MODEL_PREFIX, check, check_model
from tui.scenarios import Scenario

FAULT_HEADER: Final = "x-streamscope-fault"
FAULT_SUFFIX: Final = "!"

_REMEMBERED_FAILURES: Final = 1024


class Received(NamedTuple):
    """A request to `/v1/messages`, as it came."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Settings:
    """How the mock answers.

    `speed` divides the scenarios' times; `math.inf` answers without waiting. `jitter` is the most
    that every silence is longer, in seconds. Of the requests that ask for no fault, a share of
    `fault_rate` gets one of `faults`. With a `seed`, chance is the same every time.
    """

    speed: float = 1.0
    jitter: float = 0.0
    seed: int | None = None
    faults: Sequence[str] = ()
    fault_rate: float = 1.0

    def __post_init__(self) -> None:
        """Raises ValueError for what cannot be."""
        if not self.speed > 0:
            raise ValueError(f"the speed has to be more than 0, not {self.speed}")
        if not 0 <= self.jitter < float("inf"):
            raise ValueError(f"the jitter has to be 0 or more seconds, not {self.jitter}")
        if not 0 <= self.fault_rate <= 1:
            raise ValueError(f"the fault rate has to be from 0 to 1, not {self.fault_rate}")
        for fault in self.faults:
            Faults.parse(fault)


class _Wish(NamedTuple):
    """The faults that one request gets, as they were written, and who wrote them."""

    faults: Faults
    text: str
    asked_by: str


class _Mock:
    def __init__(
        self,
        settings: Settings,
        extra: Mapping[str, Scenario],
        received: deque[Received] | None,
    ) -> None:
        self.settings = settings
        self.choice = Choice(extra)
        self.received = received
        self.rng = random.Random(settings.seed)
        self.cache = PromptCache()
        self.threads = Threads()
        self._failures: OrderedDict[bytes, int] = OrderedDict()

    # Routes

    async def messages(self, request: Request) -> Response | Playback:
        raw = await body_of(request)
        if self.received is not None:
            self.received.append(Received(dict(request.headers), raw))
        body, wish = self._asked(request, raw)
        if not wish.text and self.settings.faults and self.rng.random() < self.settings.fault_rate:
            chosen = self.rng.choice(self.settings.faults)
            wish = _Wish(Faults.parse(chosen), chosen, "the settings of the mock")
        await self._fail(wish, raw)
        scenario = self.choice.of(body)
        request_id = new_request_id()
        rng = random.Random(self.rng.getrandbits(64))
        counted = self.cache.count(body)
        if not self.choice.is_own(scenario):
            order = Order(
                model=body["model"],
                counted=counted,
                max_tokens=body["max_tokens"],
                stop_sequences=tuple(body.get("stop_sequences", ())),
                request_id=request_id,
                rng=rng,
            )
            scenario = fitted(scenario, order)
        whole = answers.folded(scenario)
        if whole.status == "complete" and (message := whole.state.message_json()):
            self.threads.hold(body, message)
        scenario = wish.faults.alter(scenario, request_id)
        speed, stream = self.settings.speed, body.get("stream", False)
        if stream:
            plan = Plan.at_speed(scenario.chunks, scenario.how, scenario.duration_ns, speed)
        else:
            plan = await self._whole(scenario)
        kind = b"text/event-stream; charset=utf-8" if stream else b"application/json"
        headers = [
            *api_headers(counted.input, request_id),
            (b"content-type", kind),
            (b"cache-control", b"no-cache"),
        ]
        plan = plan.jittered(self.settings.jitter, rng) if self.settings.jitter else plan
        return Playback(wish.faults.apply(plan), 200, headers)

    async def count_tokens(self, request: Request) -> Response:
        raw = await body_of(request)
        body, wish = self._asked(request, raw, counting=True)
        await self._fail(wish, raw)
        tokens = estimate_tokens(body)
        return json_response({"input_tokens": tokens}, api_headers(tokens))

    async def models(self, request: Request) -> Response:
        authenticate(request)
        query = request.query_params
        try:
            limit = int(query.get("limit", "20"))
        except ValueError:
            limit = 0
        if not 1 <= limit <= 1000:
            raise ApiError(400, "limit: Input should be a whole number from 1 to 1000")
        ids = [MODEL_PREFIX + name for name in self.choice.names()]
        if (after := query.get("after_id")) in ids:
            ids = ids[ids.index(after) + 1 :]
        if (before := query.get("before_id")) in ids:
            ids = ids[: ids.index(before)]
        page = ids[:limit]
        return json_response(
            {
                "data": [self.choice.model(model) for model in page],
                "has_more": len(ids) > limit,
                "first_id": page[0] if page else None,
                "last_id": page[-1] if page else None,
            },
            api_headers(),
        )

    async def model(self, request: Request) -> Response:
        authenticate(request)
        return json_response(self.choice.model(request.path_params["model"]), api_headers())

    # Requests

    def _asked(
        self, request: Request, raw: bytes, *, counting: bool = False
    ) -> tuple[JsonObject, _Wish]:
        """The valid request in a body, and the faults that it asks for. Raises ApiError."""
        authenticate(request)
        body = parsed(raw)
        header, suffix = request.headers.get(FAULT_HEADER, ""), ""
        if isinstance(body.get("model"), str):
            model, _, suffix = body["model"].partition(FAULT_SUFFIX)
            body = {**body, "model": model}
        beta = "anthropic-beta" in request.headers
        if beta:
            body = self.threads.whole(body)
        check(body, counting=counting, beta=beta)
        self.choice.check_known(body["model"])
        check_model(body)
        asked_by = "the model name" if suffix else f"the header {FAULT_HEADER}"
        for place, text in ((FAULT_HEADER, header), ("model", suffix)):
            try:
                Faults.parse(text)
            except ValueError as error:
                raise ApiError(400, f"{place}: {error}") from None
        text = ";".join(filter(None, (header, suffix)))
        return body, _Wish(Faults.parse(text), text, asked_by)

    async def _fail(self, wish: _Wish, raw: bytes) -> None:
        """Raise ApiError where the request is to fail."""
        faults = wish.faults
        if faults.fail is not None:
            key = hashlib.sha256(b"\0".join((wish.text.encode(), raw))).digest()
            failed = self._failures.pop(key, 0)
            self._failures[key] = min(failed + 1, faults.fail)
            if len(self._failures) > _REMEMBERED_FAILURES:
                self._failures.popitem(last=False)
            if failed >= faults.fail:
                return
        elif faults.status is None:
            return
        await asyncio.sleep(faults.slow_start)
        raise ApiError(
            faults.status or STATUSES["overloaded_error"],
            f"Asked for by {wish.asked_by}",
            retry_after=faults.retry_after or "",
        )

    async def _whole(self, scenario: Scenario) -> Plan:
        """The scenario as the API answers it without streaming."""
        state = answers.folded(scenario).state
        wait_ns = int(scenario.duration_ns / self.settings.speed)
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
    jitter: float = 0.0,
    seed: int | None = None,
    faults: Sequence[str] = (),
    fault_rate: float = 1.0,
) -> Starlette:
    """The mock as a Starlette app; see `Settings`. Raises ValueError.

    `extra` adds scenarios by name, which are played as they are, to the byte. `received` is given
    every request to `/v1/messages`, credentials included.
    """
    settings = Settings(speed, jitter, seed, tuple(faults), fault_rate)
    mock = _Mock(settings, extra or {}, received)
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

    Takes what `create_app` takes. `received` keeps the newest 256 requests to `/v1/messages`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        speed: float = 1.0,
        extra: Mapping[str, Scenario] | None = None,
        jitter: float = 0.0,
        seed: int | None = None,
        faults: Sequence[str] = (),
        fault_rate: float = 1.0,
    ) -> None:
        self.received: deque[Received] = deque(maxlen=256)
        app = create_app(
            speed=speed,
            extra=extra,
            received=self.received,
            jitter=jitter,
            seed=seed,
            faults=faults,
            fault_rate=fault_rate,
        )
        super().__init__(app, port=port)

    async def __aenter__(self) -> MockServer:
        await super().__aenter__()
        return self


def serve(
    port: int = 0,
    speed: float = 1.0,
    *,
    jitter: float = 0.0,
    seed: int | None = None,
    faults: Sequence[str] = (),
    fault_rate: float = 1.0,
) -> None:
    """Run the mock until interrupted; says on standard output where it is and how to use it.

    Raises ValueError for settings that cannot be, OSError when the port is taken, and
    KeyboardInterrupt on Ctrl+C.
    """
    app = create_app(speed=speed, jitter=jitter, seed=seed, faults=faults, fault_rate=fault_rate)
    asyncio.run(_serve(app, port))


async def _serve(app: Starlette, port: int) -> None:
    server = LoopbackServer(app, port=port)
    async with server:
        print(
            f"streamscope mock on {server.url}; point a client to it with "
            f"ANTHROPIC_BASE_URL={server.url} ANTHROPIC_API_KEY=any",
            flush=True,
        )
        await asyncio.Event().wait()
