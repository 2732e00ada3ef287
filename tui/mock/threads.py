"""Message threads: conversations that the server holds, so that a request brings only what is new.

The official clients' tool runners send every turn after the first one that way. A thread that is
not held any more is told by an error code, on which they send the whole conversation again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, NamedTuple

from tui.core.records import JsonObject
from tui.mock.api import ApiError

FIXED: Final = ("system", "tools")
"""What a thread keeps from its beginning; a request that continues it may not repeat them."""


def is_threaded(body: JsonObject) -> bool:
    """Whether a request begins or continues a thread."""
    return body.get("thread") is not None


class _Held(NamedTuple):
    fixed: JsonObject
    messages: list[Any]


class Threads:
    """The conversations of the newest `size` answers, by the id of the answer."""

    def __init__(self, size: int = 256) -> None:
        self.size = size
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def whole(self, body: JsonObject) -> JsonObject:
        """The request with the conversation that it continues. Raises ApiError."""
        thread = body.get("thread")
        if thread is None:
            return body
        if not isinstance(thread, dict) or thread.get("type") not in ("create", "continue"):
            raise ApiError(400, "thread.type: Input should be 'create' or 'continue'")
        if thread["type"] == "create":
            return body
        for name in FIXED:
            if name in body:
                raise ApiError(400, f"{name}: cannot be set when a thread is continued")
        previous = thread.get("previous_message_id")
        if not isinstance(previous, str):
            raise ApiError(400, "thread.continue.previous_message_id: Input should be a string")
        if (held := self._held.get(previous)) is None:
            raise ApiError(
                404,
                f"thread: no thread ends with the message {previous}",
                details={"error_code": "thread_not_found"},
            )
        whole = {**body, **held.fixed}
        # What is no list is told by the checks that follow, in the words for that.
        if isinstance(new := body.get("messages"), list):
            whole["messages"] = [*held.messages, *new]
        return whole

    def hold(self, body: JsonObject, message: JsonObject) -> None:
        """Keep the conversation of a whole request with its answer, if it is a thread."""
        if not is_threaded(body) or "id" not in message:
            return
        fixed: JsonObject = {name: body[name] for name in FIXED if name in body}
        answer = {"role": "assistant", "content": message["content"]}
        self._held[message["id"]] = _Held(fixed, [*body["messages"], answer])
        while len(self._held) > self.size:
            self._held.popitem(last=False)
