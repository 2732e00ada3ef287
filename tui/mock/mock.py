"""A Messages API on loopback that answers from the built-in scenarios, with their timing.

The scenario is chosen by the model name or the words of the prompt (`tui.mock.scenario_choice`),
and then fitted to the request: its model, its tokens, its limits (`tui.mock.fitting`).

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
from functools import partial
from typing import Final, NamedTuple

from aiohttp import web

from tui.core.records import Chunk, JsonObject
from tui.mock import answers
from tui.mock.answer_templates import AnswerTemplates
from tui.mock.api import (
    MAX_BODY_BYTES,
    STATUSES,
    ApiError,
    api_headers,
    authenticate,
    error_response,
    json_response,
    new_request_id,
    parsed,
    refused_response,
)
from tui.mock.diagnostics import CacheDiagnostics
from tui.mock.faults import Faults
from tui.mock.fitting import Order
from tui.mock.pages import site
from tui.mock.playback import Plan, play
from tui.mock.scenario_choice import ScenarioChoice
from tui.mock.threads import Threads, is_threaded
from tui.mock.usage import PromptCache, estimate_tokens
from tui.mock.validation import check, check_model
from tui.scenarios import Scenario
from tui.serving.bodies import Bodies
from tui.serving.guard import Refused
from tui.serving.server import LoopbackServer, RequestHandler
from tui.serving.site import Site

FAULT_HEADER: Final = "x-streamscope-fault"
FAULT_SUFFIX: Final = "!"

_REMEMBERED_FAILURES: Final = 1024


class Received(NamedTuple):
    """A request to `/v1/messages`, as it came."""

    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class MockSettings:
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


class Mock:
    """Answers requests to the API; it is the handler of a server.

    `extra` adds scenarios by name, which are played as they are, to the byte. `received` is given
    every request to `/v1/messages`, credentials included.
    """

    def __init__(
        self,
        settings: MockSettings,
        *,
        extra: Mapping[str, Scenario] | None = None,
        received: deque[Received] | None = None,
        bodies: Bodies | None = None,
    ) -> None:
        self.settings = settings
        self.choice = ScenarioChoice(extra or {})
        self.received = received
        self.bodies = bodies or Bodies()
        self.rng = random.Random(settings.seed)
        self.cache = PromptCache()
        self.threads = Threads()
        self.diagnostics = CacheDiagnostics()
        self.templates = AnswerTemplates(self.choice, settings.speed)
        self._failures: OrderedDict[bytes, int] = OrderedDict()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """The answer to a request, whatever it is."""
        try:
            return await self._endpoint(request)(request)
        except ApiError as error:
            return error_response(error)
        except Refused as refused:
            return refused_response(refused)
        except Exception:
            if request.writer.output_size:
                raise  # What has begun cannot become an error: the connection breaks.
            return error_response(ApiError(500, "Internal server error"))

    def _endpoint(self, request: web.BaseRequest) -> RequestHandler:
        """What answers this path and method. Raises ApiError."""
        path = _path(request)
        method, endpoint = _ENDPOINTS.get(path) or (
            _A_MODEL if path.startswith(_MODELS) else ("", None)
        )
        if endpoint is None:
            raise ApiError(404, "Not Found")
        if method != ("GET" if request.method == "HEAD" else request.method):
            raise ApiError(405, "Method Not Allowed")
        return partial(endpoint, self)

    # Endpoints

    async def messages(self, request: web.BaseRequest) -> web.StreamResponse:
        """`POST /v1/messages`"""
        raw = await self.bodies.read(request, MAX_BODY_BYTES)
        if self.received is not None:
            self.received.append(Received(_first_of_each(request), raw))
        body, wish = self._asked(request, raw)
        if not wish.text and self.settings.faults and self.rng.random() < self.settings.fault_rate:
            chosen = self.rng.choice(self.settings.faults)
            wish = _Wish(Faults.parse(chosen), chosen, "the settings of the mock")
        await self._fail(wish, raw)
        request_id = new_request_id()
        rng = random.Random(self.rng.getrandbits(64))
        counted = self.cache.count(body)
        diagnosed = body.get("diagnostics") is not None
        order = Order(
            model=body["model"],
            counted=counted,
            max_tokens=body["max_tokens"],
            stop_sequences=tuple(body.get("stop_sequences", ())),
            request_id=request_id,
            rng=rng,
            extra={"diagnostics": self.diagnostics.told(body)} if diagnosed else {},
        )
        scenario = self.templates.of(body, raw).fit(order)
        if is_threaded(body) or diagnosed:
            whole = answers.folded(scenario)
            message = whole.state.message_json() or {}
            if whole.status == "complete":
                self.threads.hold(body, message)
            if diagnosed and "id" in message:
                self.diagnostics.hold(body, counted, message["id"])
        scenario = wish.faults.alter(scenario, request_id)
        if stream := body.get("stream", False):
            plan = Plan(scenario.chunks, scenario.how, scenario.duration_ns)
        else:
            plan = await self._whole(scenario)
        headers = api_headers(counted.input, request_id)
        headers["content-type"] = (
            "text/event-stream; charset=utf-8" if stream else "application/json"
        )
        headers["cache-control"] = "no-cache"
        plan = plan.jittered(self.settings.jitter, rng) if self.settings.jitter else plan
        return await play(wish.faults.apply(plan, headers), request, headers)

    async def count_tokens(self, request: web.BaseRequest) -> web.StreamResponse:
        """`POST /v1/messages/count_tokens`"""
        raw = await self.bodies.read(request, MAX_BODY_BYTES)
        body, wish = self._asked(request, raw, counting=True)
        await self._fail(wish, raw)
        tokens = estimate_tokens(body)
        return json_response({"input_tokens": tokens}, api_headers(tokens))

    async def models(self, request: web.BaseRequest) -> web.StreamResponse:
        """`GET /v1/models`"""
        authenticate(request)
        query = request.query
        try:
            limit = int(query.get("limit", "20"))
        except ValueError:
            limit = 0
        if not 1 <= limit <= 1000:
            raise ApiError(400, "limit: Input should be a whole number from 1 to 1000")
        ids = self.choice.models()
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

    async def model(self, request: web.BaseRequest) -> web.StreamResponse:
        """`GET /v1/models/NAME`"""
        authenticate(request)
        name = _path(request).removeprefix(_MODELS)
        return json_response(self.choice.model(name), api_headers())

    # Requests

    def _asked(
        self, request: web.BaseRequest, raw: bytes, *, counting: bool = False
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
        wait_ns = scenario.duration_ns
        if scenario.how == "reset":
            return Plan((), "reset", wait_ns)
        if state.error is not None:
            await asyncio.sleep(wait_ns / 1e9)
            kind = str(state.error.get("type", "api_error"))
            raise ApiError(STATUSES.get(kind, 500), str(state.error.get("message", "")), kind)
        data = json.dumps(state.message_json(), separators=(",", ":")).encode()
        return Plan((Chunk(wait_ns, data),), "eof", wait_ns)


_VERSION: Final = "/v1"
_MODELS: Final = "/models/"
_A_MODEL: Final = ("GET", Mock.model)
_ENDPOINTS: Final = {
    "/messages": ("POST", Mock.messages),
    "/messages/count_tokens": ("POST", Mock.count_tokens),
    "/models": ("GET", Mock.models),
}


def _path(request: web.BaseRequest) -> str:
    """The path without its version: some clients' base URL ends in it, so it may come twice."""
    path = request.path
    for _ in range(2):
        if path.startswith(f"{_VERSION}/"):
            path = path.removeprefix(_VERSION)
    return path


def _first_of_each(request: web.BaseRequest) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers.setdefault(name.lower(), value)
    return headers


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
    settings = MockSettings(speed, jitter, seed, tuple(faults), fault_rate)
    asyncio.run(_serve(settings, port))


async def _serve(settings: MockSettings, port: int) -> None:
    await serve_handler(Mock(settings), port, pages=site())


async def serve_handler(
    handler: RequestHandler, port: int, note: str = "", *, pages: Site | None = None
) -> None:
    """Serve a handler until it is cancelled; says where it is, and how to use it."""
    server = LoopbackServer(handler, port=port, pages=pages)
    async with server:
        where = "" if pages is None else f"; in a browser: {pages.address(server.url)}"
        print(
            f"streamscope mock on {server.url}{note}; point a client to it with "
            f"ANTHROPIC_BASE_URL={server.url} ANTHROPIC_API_KEY=any{where}",
            flush=True,
        )
        await asyncio.Event().wait()
