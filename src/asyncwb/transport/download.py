"""A body that arrives piece by piece and survives lost connections."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from asyncwb.errors import CommError, InvalidValueError, ProtocolError
from asyncwb.transport.bulk import Opened
from asyncwb.transport.client import BROKEN
from asyncwb.transport.mapping import describe_exception

__all__ = ["Download"]

Reopen = Callable[[Mapping[str, str]], Awaitable[Opened]]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class Download:
    """An open download; iterate over it once for pieces of up to 256 KiB.

    Attributes:
        status: 200, or 206 for a range.
        headers: Of the first answer, names in lower case.
        url: Where it comes from, behind all redirects.
        length: Bytes that will come, None if the server does not say.
    """

    def __init__(
        self, opened: Opened, reopen: Reopen, start: int, end: int | None, attempts: int
    ) -> None:
        self._opened = opened
        self._reopen = reopen
        self._position = start
        self._end = end
        self._attempts = attempts
        self.status = opened.response.status
        self.headers = opened.response.headers
        self.url = opened.url
        size = self.headers.get("content-length", "")
        self.length = int(size) if size.isdigit() else None

    @classmethod
    async def open(cls, reopen: Reopen, *, start: int, end: int | None, attempts: int) -> Download:
        """Send the first request.

        Raises:
            InvalidValueError: The range is empty or negative.
            ProtocolError: The server sent another range than the one asked for.
        """
        if start < 0 or (end is not None and end <= start):
            raise InvalidValueError(f"bytes {start} to {end} are no range")
        opened = await reopen(_range(start, end))
        try:
            # A server that knows no ranges sends everything: right from 0, wrong from elsewhere.
            if start or end is not None:
                _check_range(opened, start)
            return cls(opened, reopen, start, end, attempts)
        except BaseException:
            await opened.aclose()
            raise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        failures = 0
        while True:
            try:
                async for piece in self._opened.response:
                    self._position += len(piece)
                    failures = 0
                    yield piece
                return
            except BROKEN as exc:
                failures += 1
                if failures >= self._attempts or self._validator() is None:
                    raise CommError(
                        f"a download broke off after {self._position} bytes: "
                        f"{describe_exception(exc)}",
                        exc=exc,
                    ) from exc
            await self._resume()

    async def aclose(self) -> None:
        """Give up what has not been read; idempotent."""
        await self._opened.aclose()

    def _validator(self) -> str | None:
        """What proves that the rest belongs to the same file; None: nothing does."""
        if self.headers.get("content-encoding", "identity") != "identity":
            return None
        etag = self.headers.get("etag", "")
        if etag and not etag.startswith("W/"):
            return etag
        return self.headers.get("last-modified")

    async def _resume(self) -> None:
        validator = self._validator()
        assert validator is not None
        await self._opened.aclose()
        opened = await self._reopen({**_range(self._position, self._end), "If-Range": validator})
        try:
            _check_range(opened, self._position)
        except BaseException:
            await opened.aclose()
            raise
        self._opened = opened


def _range(start: int, end: int | None) -> dict[str, str]:
    if start == 0 and end is None:
        return {}
    return {"Range": f"bytes={start}-{'' if end is None else end - 1}"}


def _check_range(opened: Opened, start: int) -> None:
    got = _CONTENT_RANGE.fullmatch(opened.response.headers.get("content-range", ""))
    if opened.response.status != 206 or got is None or int(got[1]) != start:
        raise ProtocolError(
            "the server did not send the range asked for: it knows no ranges, or the file changed"
        )
