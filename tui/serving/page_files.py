"""Files that are sent to browsers, and what a browser may do with them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web

from tui.serving.server import RequestHandler

_KINDS: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".ttf": "font/ttf",
}


def page_headers(policy: str) -> dict[str, str]:
    """The headers of a page that nothing of another origin reaches; `policy` says what it may do.

    What the policy does not name is forbidden: nothing is loaded from anywhere else.
    """
    return {
        "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'none'; {policy}",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }


def page_file(path: Path, headers: dict[str, str]) -> RequestHandler:
    """What answers with a file."""
    return partial(_file, path, headers)


async def _file(path: Path, headers: dict[str, str], _: web.BaseRequest) -> web.StreamResponse:
    kind = _KINDS[path.suffix]
    charset = "utf-8" if kind.startswith("text/") else None
    content = path.read_bytes()
    return web.Response(body=content, content_type=kind, charset=charset, headers=headers)
