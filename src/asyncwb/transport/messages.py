"""One request as we hand it to a client, one answer as we hand it to callers."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - msgspec reads the annotations
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from asyncwb.errors import ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileSlice", "Outgoing", "Response"]


class FileSlice(msgspec.Struct, frozen=True):
    """A part of a file, as a body.

    Attributes:
        path: The file.
        start: Where it begins, in bytes.
        size: Its bytes.
    """

    path: Path
    start: int
    size: int


class Outgoing(msgspec.Struct):
    """A request that can be sent any number of times; `repr` shows no header and no query.

    Attributes:
        on_sent: Called in the loop with the size of each piece of a file that goes out.
    """

    method: str
    url: str
    headers: dict[str, str]
    source: bytes | Path | FileSlice | None = None
    on_sent: Callable[[int], None] | None = None

    @property
    def label(self) -> str:
        """Method and URL for people: no query (it may be signed), no user information."""
        parts = urlsplit(self.url)
        return f"{self.method} {parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def __repr__(self) -> str:
        return f"<{self.label}>"


class Response(msgspec.Struct, frozen=True):
    """An answer, read to its end.

    Attributes:
        status: HTTP status code.
        headers: Names in lower case; values of a repeated header are joined by ", ".
        body: Decoded from any content encoding.
        http_version: "HTTP/1.1" or "HTTP/2".
    """

    status: int
    headers: dict[str, str]
    body: bytes
    http_version: str = "HTTP/1.1"

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Decode the body as JSON.

        Raises:
            ProtocolError: The body is not JSON.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise ProtocolError(
                f"the server answered {self.status} with a body that is not JSON",
                exc=exc,
                response=self,
            ) from exc

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.http_version}, {len(self.body)} bytes>"
