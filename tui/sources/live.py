"""A live call to the Messages API through the official SDK, which only sources import."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from tui.captures.redact import know_secrets, redact_text
from tui.core.failures import is_hopeless
from tui.core.records import Chunk, JsonObject
from tui.core.state import as_text
from tui.messages.request import DEFAULT_MAX_TOKENS, DEFAULT_MODEL, prompt_of, title_of
from tui.sources import Answer, EndedHow, SourceEnded, SourceInfo

if TYPE_CHECKING:
    import anthropic
    import httpx2

DEFAULT_BASE_URL: Final = "https://api.anthropic.com"
_CONNECT_S: Final = 15.0
_READ_S: Final = 600.0
_RETRYABLE: Final = frozenset({408, 409, 429})
_NATIVE: Final = frozenset({"model", "max_tokens", "messages"})


def import_sdk() -> None:
    """Import what a call needs. It takes over a second: not on the event loop."""
    import anthropic
    import httpx2

    assert anthropic and httpx2


def has_credentials() -> bool:
    """Whether the SDK finds a key, a token or a profile in its usual places."""
    import anthropic
    import httpx2

    try:
        client = anthropic.AsyncAnthropic()
    except (anthropic.AnthropicError, httpx2.InvalidURL, ValueError):
        return False
    headers = {name.lower() for name in client.default_headers}
    known = client.api_key or client.auth_token or client.credentials
    return bool(known) or bool(headers & {"authorization", "x-api-key"})


class Api:
    """The API at an address: one client of the SDK for any number of calls.

    To make a client takes 20 ms, most of it for certificates: it is made once, and in a thread.
    """

    def __init__(self, base_url: str | None = None) -> None:
        self.base_url = base_url
        self._client: anthropic.AsyncAnthropic | None = None
        self._making = asyncio.Lock()

    @property
    def url(self) -> str:
        """Where messages are sent to."""
        return f"{(self.base_url or DEFAULT_BASE_URL).rstrip('/')}/v1/messages"

    async def client(self) -> anthropic.AsyncAnthropic:
        """Return the client. Raises what the SDK raises where it finds no key."""
        async with self._making:
            if self._client is None:
                # Over a second of imports the first time, while the screen goes on being drawn.
                self._client = await asyncio.to_thread(_make_client, self.base_url)
            return self._client

    async def models(self) -> list[str]:
        """Return the names of the models that can be asked. Raises SourceEnded."""
        try:
            client = await self.client()
            return [model.id async for model in client.models.list(limit=100)]
        except Exception as error:
            raise explain(error) from error

    async def aclose(self) -> None:
        """Close all connections. May be called more than once."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RuntimeError):
                await client.close()


def known_models() -> list[str]:
    """Return the names of models that this version of the SDK knows."""
    from typing import get_args

    from anthropic.types import Model

    return [name for part in get_args(Model) for name in get_args(part)]


def _make_client(base_url: str | None) -> anthropic.AsyncAnthropic:
    import anthropic
    import httpx2

    from tui.sources.error_body import bound_error_body

    # Pings keep a connection alive for as long as the model thinks; a read that brings not even
    # one of these for so long comes from a connection that is dead.
    timeout = httpx2.Timeout(_READ_S, connect=_CONNECT_S)
    limits = httpx2.Limits(max_connections=1_000, max_keepalive_connections=100)
    http_client = anthropic.DefaultAsyncHttpxClient(
        timeout=timeout,
        limits=limits,
        # Headers of ours, the custom ones above all, are for the address that was named.
        follow_redirects=False,
        event_hooks={"response": [bound_error_body]},
    )
    client = anthropic.AsyncAnthropic(
        base_url=base_url, max_retries=0, timeout=timeout, http_client=http_client
    )
    know_secrets(filter(None, (client.api_key, client.auth_token)), _custom_headers())
    return client


def _custom_headers() -> dict[str, str]:
    """Return the headers that the SDK takes from the environment, as it reads them."""
    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


class LiveSource:
    """One request, streamed: the response's bytes as they are read off the connection."""

    def __init__(
        self,
        request: JsonObject,
        *,
        api: Api | None = None,
        base_url: str | None = None,
        timeout_s: float | None = None,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Take the body of the request. `timeout_s` bounds the whole call.

        An `api` is shared with other calls, and stays open when this one ends.
        """
        self._request = request
        self._api = api or Api(base_url)
        self._shared = api is not None
        self._timeout_s = timeout_s
        self._now = now
        self.request_id: str | None = None
        self.answer: Answer | None = None
        self.sent_ns: int | None = None
        self.info = SourceInfo(
            title=title_of(request),
            prompt=prompt_of(request),
            request=request,
            kind="live",
            timed=True,
            paced=False,
            url=self._api.url,
        )

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Send the request and yield each read. Raises SourceEnded for every failure."""
        body = dict(self._request)
        betas = body.pop("betas", None)
        headers = {}
        if isinstance(betas, list) and all(isinstance(name, str) for name in betas):
            headers["anthropic-beta"] = ",".join(betas)
        elif betas is not None:
            body["betas"] = betas
        try:
            client = await self._api.client()
            loop = asyncio.get_running_loop()
            deadline = None if self._timeout_s is None else loop.time() + self._timeout_s
            start_ns = self.sent_ns = self._now()
            async with AsyncExitStack() as stack:
                # The time limit is put around each wait and never around a yield: it cancels the
                # task, and at a yield that would hit the reader instead of the call.
                async with asyncio.timeout_at(deadline):
                    response = await stack.enter_async_context(
                        client.messages.with_streaming_response.create(
                            model=body.get("model", DEFAULT_MODEL),
                            max_tokens=body.get("max_tokens", DEFAULT_MAX_TOKENS),
                            messages=body.get("messages", []),
                            stream=True,
                            extra_headers=headers,
                            extra_body={k: v for k, v in body.items() if k not in _NATIVE},
                        )
                    )
                self.request_id = response.headers.get("request-id")
                self._note_answer(response.status_code, response.headers, response.http_request)
                reads = response.iter_bytes()
                while True:
                    async with asyncio.timeout_at(deadline):
                        data = await anext(reads, None)
                    if data is None:
                        return
                    yield Chunk(self._now() - start_ns, data)
        except TimeoutError as error:
            detail = f"the whole call took longer than {self._timeout_s:g} s"
            raise SourceEnded("timeout", "Timed out", detail) from error
        except Exception as error:
            refusal = getattr(error, "response", None)
            if refusal is not None:
                self._note_answer(refusal.status_code, refusal.headers, refusal.request)
            raise explain(error) from error

    def _note_answer(
        self, status: int, headers: Mapping[str, str], request: httpx2.Request
    ) -> None:
        t_ns = self._now() - (self.sent_ns or 0)
        self.answer = Answer(t_ns, status, dict(headers), dict(request.headers))

    async def aclose(self) -> None:
        """Close the connection."""
        if not self._shared:
            await self._api.aclose()


def explain(error: Exception) -> SourceEnded:
    """Return what ended a call in the words of this program. Unknown faults are raised again."""
    import anthropic
    import httpx2

    cause: BaseException = error
    while isinstance(cause, anthropic.APIConnectionError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(error, anthropic.APIStatusError):
        return _explain_status(error)
    detail = redact_text(str(cause)) or type(cause).__name__
    if isinstance(cause, httpx2.LocalProtocolError):
        # Its text quotes the header that is wrong, and that may be the key.
        detail = "a header is not valid; is there a line end in the API key?"
    how: EndedHow
    if isinstance(cause, httpx2.ConnectTimeout):
        how, label = "timeout", "Connect timed out"
    elif isinstance(cause, (httpx2.TimeoutException, anthropic.APITimeoutError)):
        how, label = "timeout", "No data for too long"
    elif isinstance(cause, httpx2.ConnectError):
        return SourceEnded("refused", "Cannot connect", detail, retryable=_may_pass(cause))
    elif isinstance(
        cause, (httpx2.InvalidURL, httpx2.LocalProtocolError, httpx2.UnsupportedProtocol)
    ):
        return SourceEnded("refused", "Request not sent", detail, retryable=False)
    elif isinstance(cause, httpx2.DecodingError):
        how, label = "reset", "Response not readable"
    elif isinstance(cause, (httpx2.RequestError, anthropic.APIConnectionError)):
        how, label = "reset", "Connection lost"
    elif isinstance(error, (anthropic.AnthropicError, TypeError, ValueError)):
        return SourceEnded("refused", "Request not sent", detail, retryable=False)
    else:
        raise error
    return SourceEnded(how, label, detail, retryable=True)


def _may_pass(error: BaseException) -> bool | None:
    """Return whether it can help to connect once more; None when nobody can tell."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return False  # A certificate or a protocol that does not fit.
        if isinstance(cause, socket.gaierror):
            # A name server that did not answer says nothing about the name.
            return None if cause.errno == socket.EAI_AGAIN else False
        cause = cause.__cause__ or cause.__context__
    return True


def _explain_status(error: anthropic.APIStatusError) -> SourceEnded:
    status = error.status_code
    body: Any = error.body
    told = body if isinstance(body, dict) else {}
    inner = told.get("error")
    inner = inner if isinstance(inner, dict) else None
    if inner is not None:
        detail = f"{inner.get('type', 'error')}: {inner.get('message', '')}"
    elif 300 <= status < 400:
        detail = f"redirects are not followed: this one leads to {_origin_of(error.response)}"
    else:
        detail = " ".join(redact_text(str(error.message)).split())[:300]
    return SourceEnded(
        "http_error",
        f"HTTP {status}",
        redact_text(detail),
        status=status,
        request_id=error.request_id or as_text(told.get("request_id")),
        retryable=(status in _RETRYABLE or status >= 500) and not is_hopeless(inner),
        retry_after_s=_retry_after(error.response.headers),
        error=inner,
    )


def _origin_of(response: httpx2.Response) -> str:
    """Return where a redirect leads: scheme, host and port. The rest may hold secrets."""
    import httpx2

    try:
        url = response.url.join(response.headers["location"])
    except KeyError:
        return "no address"
    except (httpx2.InvalidURL, ValueError):
        return "an address that cannot be read"
    port = "" if url.port is None else f":{url.port}"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{url.scheme}://{host}{port}"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return how long a response asks to wait: milliseconds, seconds, or a date."""
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(seconds, 0.0)
    try:
        when = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(when.timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None
