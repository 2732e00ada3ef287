"""What a relay tells of the exchanges it forwards. `Tape` is who is told; nothing here waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tui.core.state import End

Headers = Sequence[tuple[bytes, bytes]]


class ExchangeTape(Protocol):
    """Takes one exchange. No method raises or waits."""

    def sent(self, data: bytes) -> None:
        """A part of the request's body."""
        ...

    def asked(self) -> None:
        """The request's body is over."""
        ...

    def answered(self, status: int, headers: Headers) -> None:
        """The head of the response."""
        ...

    def chunk(self, data: bytes) -> None:
        """One read of the response's body, as it came."""
        ...

    def end(self, how: End, why: str | None = None) -> None:
        """The body ended in the way `how`; `why` says more, in one line."""
        ...


class Tape(Protocol):
    """Takes the exchanges of a relay."""

    def begin(self, method: str, target: str, headers: Headers) -> ExchangeTape | None:
        """A request has come. None where its exchange is not recorded."""
        ...
