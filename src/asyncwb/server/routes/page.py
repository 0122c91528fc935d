"""The page: one HTML document for every address, and the files that it loads."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import mimetypes
import re
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec
from starlette.responses import PlainTextResponse, Response

from asyncwb.server.problems import not_found

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from starlette.requests import Request

__all__ = ["PAGES", "PageEndpoints"]

PAGES = (
    "/",
    "/{entity}",
    "/{entity}/projects",
    "/{entity}/{project}",
    "/{entity}/{project}/{view}",
    "/{entity}/{project}/runs/{run}",
    "/{entity}/{project}/runs/{run}/{tab}",
    "/{entity}/{project}/sweeps/{sweep}",
    "/{entity}/{project}/artifacts/{type}/{collection}",
    "/{entity}/{project}/artifacts/{type}/{collection}/{version}",
)
"""Addresses at which the page is; `run.url` and its like lead to them."""

_VIEWS = (
    "workspace",
    "table",
    "runs",
    "compare",
    "relations",
    "artifacts",
    "sweeps",
    "reports",
    "alerts",
    "overview",
)

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
# Viewers draw what somebody logged: they have an origin of their own and reach nothing.
_VIEWER_POLICY = "; ".join(
    (
        "sandbox allow-scripts",
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src data: blob:",
        "connect-src data: blob:",
        "worker-src blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Vary": "Accept",
}
_ABOUT = (
    "This is an asyncwb server. It speaks the Weights & Biases protocol:\n"
    "set WANDB_BASE_URL to this address and WANDB_API_KEY to your key.\n"
    "Open it in a browser to see your runs.\n"
)
_MODULE = re.compile(r"[\w-]+\.js|vendor/(preact|hooks|htm)\.js").fullmatch
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class _Asset(msgspec.Struct, frozen=True):
    path: Traversable
    media_type: str
    etag: str


class PageEndpoints:
    """Serves the page. Of its files it remembers those that somebody asked for, packed."""

    def __init__(self) -> None:
        folder = files("asyncwb.server").joinpath("page")
        self._assets = {name: _asset(name, path) for name, path in _read(folder, "")}
        self._packed: dict[str, bytes] = {}
        every = "".join(asset.etag for _, asset in sorted(self._assets.items()))
        self._digest = hashlib.sha256(every.encode()).hexdigest()[:12]
        self._document = self._assets["index.html"].path.read_text("utf-8")
        # All at once: through a slow line, one after another would take as long as they are deep.
        names = sorted(name for name in self._assets if _MODULE(name))
        link = '<link rel="modulepreload" href="-/assets/{}/{}">'
        self._modules = "\n".join(link.format(self._digest, name) for name in names)

    async def document(self, request: Request) -> Response:
        """`GET` of any page, by a browser; programs are told what this server is."""
        if request.method not in ("GET", "HEAD"):
            raise not_found("there is nothing of this name")
        if "text/html" not in request.headers.get("accept", ""):
            if request.url.path == "/":
                return PlainTextResponse(_ABOUT, headers={"Vary": "Accept"})
            raise not_found("there is only a page for browsers here (Accept: text/html)")
        if request.path_params.get("view", _VIEWS[0]) not in _VIEWS:
            return PlainTextResponse("There is no such page.\n", 404)
        # Everything is addressed from here, so that the page works under any path prefix.
        body = self._document.format(
            root=_way_up(request), digest=self._digest, modules=self._modules
        )
        etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:20]}"'
        headers = {**_HEADERS, "Cache-Control": "private, no-cache", "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, 200, headers, "text/html")

    async def asset(self, request: Request) -> Response:
        """`GET /-/assets/{digest}/{name}`."""
        name = request.path_params["name"]
        asset = self._assets.get(name)
        if asset is None or name == "index.html":
            raise not_found("the page has no such file")
        # The address changes with the files. An old page that asks for one later gets the new one.
        kept = request.path_params["digest"] == self._digest
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable" if kept else "no-cache",
            "ETag": asset.etag,
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
            # viewers have no origin, and modules are asked for by the rules of other origins
            "Access-Control-Allow-Origin": "*",
        }
        if name.endswith(".html"):
            headers["Content-Security-Policy"] = _VIEWER_POLICY
        if request.headers.get("if-none-match") == asset.etag:
            return Response(status_code=304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            body = await asyncio.to_thread(asset.path.read_bytes)
            return Response(body, 200, headers, asset.media_type)
        if name not in self._packed:
            self._packed[name] = await asyncio.to_thread(_pack, asset.path)
        headers["Content-Encoding"] = "gzip"
        return Response(self._packed[name], 200, headers, asset.media_type)


def _read(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + entry.name, entry))
    return found


def _pack(path: Traversable) -> bytes:
    return gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)


def _asset(name: str, path: Traversable) -> _Asset:
    # mimetypes reads the machine's own tables, which may call scripts text/plain
    suffix = name[name.rfind(".") :]
    media_type = _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain"
    etag = hashlib.sha256(path.read_bytes()).hexdigest()[:20]
    return _Asset(path, media_type, f'"{etag}"')


def _way_up(request: Request) -> str:
    """The relative address of the server's root, as seen from the page that is asked for."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    prefix = request.scope.get("root_path", "").encode()
    below = raw.partition(b"?")[0].removeprefix(prefix).lstrip(b"/")
    return "../" * below.count(b"/") or "./"
