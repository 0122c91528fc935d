"""A proxy that makes an HTTP/1.1 server fail in every way that networks do."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from asyncwb.testing._loopback import LoopbackServer, reset
from asyncwb.testing.delay import DelayProxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["DelayProxy", "Fault", "FaultProxy"]


class Fault(StrEnum):
    """What can happen to a request."""

    STATUS_500 = "500"
    """500 without asking the server."""
    STATUS_502 = "502"
    """502 although the server did its work: the answer is lost."""
    STATUS_429 = "429"
    """429 with `Retry-After`, without asking the server."""
    RESET_BEFORE = "reset before"
    """The connection is reset; the server never sees the request."""
    RESET_AFTER = "reset after"
    """The server did its work; the connection is reset instead of its answer."""
    TRUNCATE = "truncate"
    """Half of the server's answer, then the connection closes."""
    SILENCE = "silence"
    """The server did its work; nobody ever answers."""
    SLOW = "slow"
    """The server's answer, byte by byte."""


class _Head(NamedTuple):
    raw: bytes
    first: list[str]
    length: int | None
    chunked: bool


class FaultProxy(LoopbackServer):
    """Stands between a client and an HTTP/1.1 server and does `Fault`s to requests.

    Use it as a sync or async context manager. All attributes may be changed while it runs, from
    any thread.

    Args:
        upstream: `http://host:port`; None: every connection is reset, as if nobody listened.
        rate: Share of requests that fail, drawn with `seed` over `faults`.
        faults: What may happen; default: everything but silence, which costs a client's timeout.
        script: Fates of the first requests in order, None for none; `rate` counts after its end.
        match: Which requests may fail, by method and path; default: all.
        seed: Of the drawing.
        retry_after: Seconds in the `Retry-After` of a 429.
        silence_seconds: How long a silent connection stays open.
        slow_seconds: How long a slow answer takes.

    Attributes:
        silent: True: accept everything and never answer.
        requests: Requests seen.
        done: How often each fault was done.
    """

    def __init__(
        self,
        upstream: str | None,
        *,
        rate: float = 0.0,
        faults: Iterable[Fault] | None = None,
        script: Iterable[Fault | None] = (),
        match: Callable[[str, str], bool] | None = None,
        seed: int = 0,
        retry_after: float = 0,
        silence_seconds: float = 60.0,
        slow_seconds: float = 0.2,
    ) -> None:
        super().__init__()
        self.upstream = upstream
        self.rate = rate
        self.silent = False
        self.faults = tuple(set(Fault) - {Fault.SILENCE} if faults is None else faults)
        self.match = match
        self.retry_after = retry_after
        self.silence_seconds = silence_seconds
        self.slow_seconds = slow_seconds
        self.requests = 0
        self.done: Counter[Fault] = Counter()
        self._script = iter(script)
        # Sets have no order of their own: a seed must mean the same every time.
        self._choices = sorted(self.faults)
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    @property
    def faulted(self) -> int:
        """Requests that something was done to."""
        return sum(self.done.values())

    def _fate(self, head: _Head) -> Fault | None:
        with self._lock:
            self.requests += 1
            if self.match is not None and not self.match(head.first[0], head.first[1]):
                return None
            fate = next(self._script, "drawn")
            if fate == "drawn":
                hit = self._random.random() < self.rate
                fate = self._random.choice(self._choices) if hit and self._choices else None
            if fate is None:
                return None
            fault = Fault(fate)
            self.done[fault] += 1
            return fault

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        line = _Upstream()
        try:
            while True:
                head = await _read_head(reader)
                body = await _read_body(reader, head, to_eof=False)
                if self.silent:
                    await asyncio.sleep(self.silence_seconds)
                    reset(writer)
                    return
                if self.upstream is None:
                    reset(writer)
                    return
                if not await self._serve_one(head, body, line, writer):
                    return
        finally:
            line.close()

    async def _serve_one(
        self, head: _Head, body: bytes, line: _Upstream, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer a request, or not; whether the connection goes on."""
        fault = self._fate(head)
        if fault is Fault.RESET_BEFORE:
            reset(writer)
            return False
        if fault is Fault.STATUS_500:
            return await _say(writer, "500 Internal Server Error", b"injected fault")
        if fault is Fault.STATUS_429:
            extra = f"Retry-After: {self.retry_after:g}\r\n"
            return await _say(writer, "429 Too Many Requests", b"slow down", extra)
        try:
            answer_head, answer_body = await line.ask(self.upstream, head, body)
        except (OSError, asyncio.IncompleteReadError):
            reset(writer)
            return False
        if fault is Fault.STATUS_502:
            return await _say(writer, "502 Bad Gateway", b"<html>bad gateway</html>")
        if fault is Fault.RESET_AFTER:
            reset(writer)
            return False
        if fault is Fault.SILENCE:
            await asyncio.sleep(self.silence_seconds)
            reset(writer)
            return False
        answer = answer_head.raw + answer_body
        if fault is Fault.TRUNCATE:
            # At least one byte is missing, also of an answer without a body.
            writer.write(answer[: max(len(answer_head.raw) - 3, len(answer) // 2)])
            await writer.drain()
            return False
        if fault is Fault.SLOW:
            steps = min(len(answer), 20)
            size = -(-len(answer) // steps)
            for start in range(0, len(answer), size):
                writer.write(answer[start : start + size])
                await writer.drain()
                await asyncio.sleep(self.slow_seconds / steps)
        else:
            writer.write(answer)
            await writer.drain()
        return answer_head.length is not None or answer_head.chunked


class _Upstream:
    """The connection to the server that belongs to one connection of a client."""

    def __init__(self) -> None:
        self._target = ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, target: str | None, head: _Head, body: bytes) -> tuple[_Head, bytes]:
        """Pass a request on, read the whole answer."""
        if target is None:
            raise ConnectionRefusedError("no upstream")
        if target != self._target:
            self.close()
            self._target = target
        reused = self._streams is not None
        try:
            return await self._ask(head, body)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            if not reused:
                raise
            # The server closed an idle connection, as it may: that is no fault of ours to add.
            return await self._ask(head, body)

    async def _ask(self, head: _Head, body: bytes) -> tuple[_Head, bytes]:
        if self._streams is None:
            parts = urlsplit(self._target)
            self._streams = await asyncio.open_connection(
                parts.hostname, parts.port or 80, limit=1 << 20
            )
        reader, writer = self._streams
        writer.write(head.raw + body)
        await writer.drain()
        answer = await _read_head(reader)
        status = int(answer.first[1])
        if head.first[0] == "HEAD" or status in (204, 304):
            return answer._replace(length=0), b""
        return answer, await _read_body(reader, answer, to_eof=True)

    def close(self) -> None:
        """Drop the connection."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].transport.abort()


async def _read_head(reader: asyncio.StreamReader) -> _Head:
    raw = await reader.readuntil(b"\r\n\r\n")
    lines = raw.decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length")
    return _Head(
        raw,
        lines[0].split(" ", 2),
        None if length is None else int(length),
        "chunked" in headers.get("transfer-encoding", "").lower(),
    )


async def _read_body(reader: asyncio.StreamReader, head: _Head, *, to_eof: bool) -> bytes:
    """The body as it is on the wire, chunk headers included."""
    if head.chunked:
        parts: list[bytes] = []
        while True:
            size_line = await reader.readuntil(b"\r\n")
            size = int(size_line.split(b";")[0], 16)
            parts += [size_line, await reader.readexactly(size + 2)]
            if size == 0:
                return b"".join(parts)
    if head.length is not None:
        return await reader.readexactly(head.length)
    return await reader.read() if to_eof else b""


async def _say(writer: asyncio.StreamWriter, status: str, body: bytes, extra: str = "") -> bool:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    writer.write(head.encode("ascii") + body)
    await writer.drain()
    return True
