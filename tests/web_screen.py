"""What a page with a terminal in it shows: its cells, and where on the page each of them is."""

from __future__ import annotations

import asyncio
import codecs
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from rich.cells import cell_len

from tests.limits import HANG_S

if TYPE_CHECKING:
    from playwright.async_api import Page, WebSocket

_PIECES: Final = re.compile(
    r"\x1b\[(?P<place>\d+;\d+)H"
    r"|\x1b\[[0-9;?<>$]*[A-Za-z]|\x1b\][^\x07]*\x07"
    r"|(?P<end>\x1b(?:\[[0-9;?<>$]*|\][^\x07]*)?$)"
    r"|(?P<text>[^\x1b]+)"
)


class WebScreen:
    """The terminal of a page: the cells that were drawn since it got the size that it has now."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.width = self.height = 0
        self._cells: dict[tuple[int, int], str] = {}
        self._drawn: set[int] = set()
        self._rest = ""
        self._place = (0, 0)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        page.on("websocket", self._open)

    @property
    def text(self) -> str:
        """The rows, one below the other."""
        return "\n".join(map(self.row, range(self.height)))

    def row(self, y: int) -> str:
        return "".join(self._cells.get((x, y), " ") for x in range(self.width))

    @property
    def settled(self) -> bool:
        """Whether all of it was drawn for the size that it has now."""
        return self.height > 0 and self._drawn == set(range(self.height))

    async def shows(self, *words: str) -> None:
        """Wait until all of these are on the screen at the same time."""
        await self._until(lambda: all(word in self.text for word in words), words)

    async def hides(self, words: str) -> None:
        """Wait until these are nowhere on the screen."""
        await self._until(lambda: words not in self.text, (f"end of {words!r}",))

    async def resize(self, width: int, height: int) -> None:
        """Have a window of so many pixels, with everything laid out for it."""
        before = (self.width, self.height)
        await self.page.set_viewport_size({"width": width, "height": height})
        await self._until(lambda: (self.width, self.height) != before, ("another size",))
        await self._until(lambda: self.settled, ("a layout",))

    async def click(self, words: str) -> None:
        """Click on the last row that has these words, where they begin."""
        await self.shows(words)
        y = max(y for y in range(self.height) if words in self.row(y))
        box = await self.page.locator(".xterm-screen").bounding_box()
        assert box is not None
        x = cell_len(self.row(y).partition(words)[0])
        await self.page.mouse.click(
            box["x"] + box["width"] * (x + 0.5) / self.width,
            box["y"] + box["height"] * (y + 0.5) / self.height,
        )

    async def _until(self, ready: Callable[[], bool], words: tuple[str, ...]) -> None:
        try:
            async with asyncio.timeout(HANG_S):
                while not ready():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(
                f"no {words} in {self.width}x{self.height}:\n{self.text}"
            ) from None

    def _open(self, socket: WebSocket) -> None:
        query = parse_qs(urlsplit(socket.url).query)
        self._take_size(int(query["width"][0]), int(query["height"][0]))
        socket.on("framesent", self._told)
        socket.on("framereceived", self._take)

    def _told(self, frame: str | bytes) -> None:
        name, *what = json.loads(frame)
        if name == "resize":
            self._take_size(what[0]["width"], what[0]["height"])

    def _take_size(self, width: int, height: int) -> None:
        if (width, height) != (self.width, self.height):
            self.width, self.height = width, height
            self._forget()

    def _forget(self) -> None:
        self._cells.clear()
        self._drawn.clear()

    def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, str):
            return
        text = self._rest + self._decoder.decode(frame)
        self._rest = ""
        for piece in _PIECES.finditer(text):
            if piece["place"]:
                y, x = map(int, piece["place"].split(";"))
                self._place = (x - 1, y - 1)
            elif piece["end"]:
                self._rest = piece["end"]
            elif piece["text"]:
                self._write(piece["text"])

    def _write(self, text: str) -> None:
        x, y = self._place
        if y >= self.height:  # It was drawn for the size before, and so was all that came till now.
            self._forget()
            return
        for character in text:
            if character == "\n":
                y += 1
            elif character == "\r":
                x = 0
            else:
                wide = cell_len(character)
                self._cells[x, y] = character
                self._cells.update({(x + more, y): "" for more in range(1, wide)})
                x += wide
                self._drawn.add(y)
        self._place = (x, y)
