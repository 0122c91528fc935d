"""Answers that are the same for every endpoint."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from asyncwb.server.jsontext import plain
from asyncwb.server.limits import TooMany
from asyncwb.server.problems import Problem, invalid

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from asyncwb.server.config import ServerConfig

__all__ = [
    "base_url",
    "json_response",
    "limited",
    "packed_body",
    "packed_response",
    "problem_response",
    "read_body",
    "writer_of",
]

_COMPRESS_FROM = 16 * 1024
# packed bodies from this size on are unpacked in a thread, so that other requests do not wait
_THREAD_FROM = 16 * 1024


def json_response(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(plain(content), status, media_type="application/json")


async def packed_response(content: Any, request: Request) -> Response:
    """A JSON answer that is compressed, in a thread, where it is large and the network slow."""
    return await packed_body(plain(content), request, "application/json")


async def packed_body(body: bytes, request: Request, media_type: str) -> Response:
    """The same for a body of any type."""
    headers: dict[str, str] = {}
    if len(body) > _COMPRESS_FROM and _wants_gzip(request):
        body = await asyncio.to_thread(gzip.compress, body, compresslevel=1)
        headers["Content-Encoding"] = "gzip"
    return Response(body, 200, headers, media_type)


def _wants_gzip(request: Request) -> bool:
    client = request.client
    if client is not None and client.host in ("127.0.0.1", "::1"):
        return False  # loopback is faster than compressing
    return "gzip" in request.headers.get("accept-encoding", "")


def problem_response(problem: Problem) -> Response:
    """An answer with the status of a problem and its message in `errors`."""
    response = json_response(
        {"errors": [{"message": problem.message}], "data": None}, problem.status
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    if isinstance(problem, TooMany):
        response.headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="asyncwb"'
    return response


async def limited(request: Request, limit: int) -> AsyncGenerator[bytes]:
    """The body of an upload, piece by piece.

    Raises:
        Problem: It is larger than the limit (413).
    """
    too_large = Problem(413, f"an upload has at most {limit} bytes")
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and (len(said) > 18 or int(said) > limit):
        raise too_large
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise too_large
        yield chunk


async def read_body(request: Request, limit: int) -> bytes:
    """The body of a request, decompressed.

    Raises:
        Problem: It is larger than the limit (413) or badly compressed (400).
    """
    parts: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise Problem(413, f"the request is larger than {limit} bytes")
        parts.append(chunk)
    body = b"".join(parts)
    coding = request.headers.get("content-encoding", "identity").lower()
    if coding == "gzip":
        if len(body) < _THREAD_FROM:
            return _unpacked(body, limit)
        return await asyncio.to_thread(_unpacked, body, limit)
    if coding != "identity":
        raise Problem(415, f"bodies may be gzip, not {coding}")
    return body


def _unpacked(body: bytes, limit: int) -> bytes:
    inflate = zlib.decompressobj(wbits=31)
    try:
        content = inflate.decompress(body, limit)
    except zlib.error as exc:
        raise invalid(f"the body is not gzip: {exc}") from exc
    if inflate.unconsumed_tail:
        raise Problem(413, f"the request is larger than {limit} bytes")
    if not inflate.eof:
        raise invalid("the gzip body is truncated")
    return content


def writer_of(request: Request, header: str) -> str:
    """Which of several writers of a run sends a request; "" for a run with one.

    Args:
        request: The request.
        header: The header that names it: GraphQL and the file stream have different ones.
    """
    if request.headers.get("x-wandb-use-async-filestream", "").lower() != "true":
        return ""
    return request.headers.get(header, "")[:64]


def base_url(request: Request, config: ServerConfig) -> str:
    """The base of absolute URLs in an answer: configured, or as this client sees the server.

    What proxies add about the client's side is believed: a client that makes it up gets URLs that
    do not work, and nobody else does.
    """
    if config.public_url:
        return config.public_url.rstrip("/")

    def forwarded(name: str) -> str:
        return request.headers.get(f"x-forwarded-{name}", "").partition(",")[0].strip()

    scheme = forwarded("proto")
    if scheme not in ("http", "https"):
        scheme = request.url.scheme
    host = forwarded("host") or request.url.netloc
    prefix = (forwarded("prefix") or request.scope.get("root_path", "")).strip("/")
    return f"{scheme}://{host}/{prefix}".rstrip("/")
