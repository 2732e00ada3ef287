"""A live call to the Messages API through the official SDK. The only importer of anthropic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

from tui.core.records import Chunk, JsonObject
from tui.sources import Answer, EndedHow, SourceEnded, SourceInfo

if TYPE_CHECKING:
    import anthropic
    import httpx2

DEFAULT_BASE_URL: Final = "https://api.anthropic.com"
DEFAULT_MODEL: Final = "claude-sonnet-4-6"
DEFAULT_MAX_TOKENS: Final = 4096
_RETRYABLE: Final = frozenset({408, 409, 429})
_NATIVE: Final = frozenset({"model", "max_tokens", "messages"})


def build_request(
    prompt: str | None,
    *,
    base: JsonObject | None = None,
    model: str | None = None,
    system: str | None = None,
    max_tokens: int | None = None,
    thinking: int | None = None,
    tools: list[Any] | None = None,
    extra: JsonObject | None = None,
) -> JsonObject:
    """Return the body of a request: `base`, overlaid with what was given. Nothing else is added.

    `thinking` is a budget in tokens; `extra` holds any other parameter.
    """
    request = dict(base or {})
    request.pop("stream", None)
    if prompt is not None:
        request["messages"] = [{"role": "user", "content": prompt}]
    given = {
        "model": model,
        "system": system,
        "max_tokens": max_tokens,
        "tools": tools,
        "thinking": None if thinking is None else {"type": "enabled", "budget_tokens": thinking},
    }
    request.update({name: value for name, value in given.items() if value is not None})
    request.setdefault("model", DEFAULT_MODEL)
    # A thinking budget has to fit into max_tokens, or the API refuses the request.
    request.setdefault("max_tokens", DEFAULT_MAX_TOKENS + (thinking or 0))
    request.update(extra or {})
    return request


def prompt_of(request: JsonObject) -> str | None:
    """Return the text of the last user turn, None when there is none."""
    messages = request.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            if isinstance(content, list):
                texts = [part.get("text") for part in content if isinstance(part, dict)]
                return "\n".join(text for text in texts if isinstance(text, str)) or None
    return None


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


class LiveSource:
    """One request, streamed: the response's bytes as they are read off the connection."""

    def __init__(
        self,
        request: JsonObject,
        *,
        base_url: str | None = None,
        timeout_s: float | None = None,
        now: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """Take the body of the request. `timeout_s` bounds the whole call."""
        self._request = request
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._now = now
        self._client: anthropic.AsyncAnthropic | None = None
        self.request_id: str | None = None
        self.answer: Answer | None = None
        self.sent_ns: int | None = None
        prompt = prompt_of(request)
        self.info = SourceInfo(
            title=_title(prompt),
            prompt=prompt,
            request=request,
            kind="live",
            timed=True,
            paced=False,
            url=f"{(base_url or DEFAULT_BASE_URL).rstrip('/')}/v1/messages",
        )

    async def chunks(self) -> AsyncIterator[Chunk]:
        """Send the request and yield each read. Raises SourceEnded for every failure."""
        # Over a second of imports: in a thread, so that the screen goes on being drawn.
        sdk = await asyncio.to_thread(__import__, "anthropic")
        loop = asyncio.get_running_loop()
        deadline = None if self._timeout_s is None else loop.time() + self._timeout_s
        body = self._request
        start_ns = self.sent_ns = self._now()
        try:
            self._client = sdk.AsyncAnthropic(base_url=self._base_url, max_retries=0)
            async with AsyncExitStack() as stack:
                # The time limit is put around each wait and never around a yield: it cancels the
                # task, and at a yield that would hit the reader instead of the call.
                async with asyncio.timeout_at(deadline):
                    response = await stack.enter_async_context(
                        self._client.messages.with_streaming_response.create(
                            model=body.get("model", DEFAULT_MODEL),
                            max_tokens=body.get("max_tokens", DEFAULT_MAX_TOKENS),
                            messages=body.get("messages", []),
                            stream=True,
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
            raise SourceEnded("timeout", "Timed out", detail, retryable=True) from error
        except Exception as error:
            if isinstance(error, sdk.APIStatusError):
                self._note_answer(error.status_code, error.response.headers, error.request)
            raise explain(error) from error

    def _note_answer(
        self, status: int, headers: Mapping[str, str], request: httpx2.Request
    ) -> None:
        t_ns = self._now() - (self.sent_ns or 0)
        self.answer = Answer(t_ns, status, dict(headers), dict(request.headers))

    async def aclose(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(RuntimeError):
                await client.close()


def explain(error: Exception) -> SourceEnded:
    """Return what ended a call in the words of this program. Unknown faults are raised again."""
    import anthropic
    import httpx2

    cause: BaseException = error
    while isinstance(cause, anthropic.APIConnectionError) and cause.__cause__ is not None:
        cause = cause.__cause__
    if isinstance(error, anthropic.APIStatusError):
        return _explain_status(error)
    detail = str(cause) or type(cause).__name__
    if isinstance(cause, httpx2.LocalProtocolError):
        # Its text quotes the header that is wrong, and that may be the key.
        detail = "a header is not valid; is there a line end in the API key?"
    how: EndedHow
    if isinstance(cause, httpx2.ConnectTimeout):
        how, label = "timeout", "Connect timed out"
    elif isinstance(cause, (httpx2.TimeoutException, anthropic.APITimeoutError)):
        how, label = "timeout", "No data for too long"
    elif isinstance(cause, httpx2.ConnectError):
        how, label = "refused", "Cannot connect"
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


def _explain_status(error: anthropic.APIStatusError) -> SourceEnded:
    status = error.status_code
    body: Any = error.body
    inner = body.get("error") if isinstance(body, dict) else None
    if isinstance(inner, dict):
        detail = f"{inner.get('type', 'error')}: {inner.get('message', '')}"
    else:
        detail = " ".join(str(error.message).split())[:300]
    return SourceEnded(
        "http_error",
        f"HTTP {status}",
        detail,
        status=status,
        request_id=error.request_id,
        retryable=status in _RETRYABLE or status >= 500,
    )


def _title(prompt: str | None) -> str:
    line = " ".join((prompt or "request").split())
    return line if len(line) <= 60 else line[:59] + "\u2026"
