"""Many signed requests for small files of artifacts in one: one round trip, one commit.

A list in JSON, a line feed, then the bytes of all files one after the other. What a batch may do
is what its signed URLs allow, each by itself; the endpoints ask for no other credentials.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
from starlette.responses import Response

from asyncwb.server.problems import Problem, invalid
from asyncwb.server.storage import artifact_files as store

from .answers import json_response, read_body
from .downloads import SAFE_HEADERS

if TYPE_CHECKING:
    from starlette.requests import Request

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.signing import Action

__all__ = ["BatchEndpoints"]

_MOST_FILES = 1000
_MOST_BYTES = 16 * 1024**2
_HEAD_BYTES = 2 * 1024**2
_SIGNED = re.compile(r"/storage/(?P<action>[a-z-]+)/(?P<number>\d{1,18})/[^?]*\?(?P<query>[^?]*)")


class _Sent(msgspec.Struct):
    """A file in the body of a batch of uploads."""

    url: str
    size: int


class _Outcome(msgspec.Struct, omit_defaults=True, gc=False):
    """What came of one file: a status of HTTP, and its bytes or the reason."""

    status: int
    size: int = 0
    message: str = ""


class BatchEndpoints:
    """Batches of uploads and downloads of artifacts' files.

    Args:
        services: Database, blobs and the signer.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    async def put(self, request: Request) -> Response:
        """`POST` of several files; the answer has an outcome for each, in their order."""
        services = self._services
        body = await read_body(request, _MOST_BYTES + _HEAD_BYTES)
        end = body.find(b"\n")
        sent = _decoded(body[: max(end, 0)], list[_Sent])
        pieces = _cut(memoryview(body)[end + 1 :], [one.size for one in sent])
        outcomes = [_Outcome(200)] * len(sent)
        numbers: dict[int, int] = {}
        for place, one in enumerate(sent):
            try:
                numbers[place] = self._check("artifact-put", one.url)
            except Problem as problem:
                outcomes[place] = _Outcome(problem.status, message=problem.message)
        blobs = await services.blobs.store_small([pieces[place] for place in numbers])
        wanted = list(zip(numbers.values(), blobs, strict=True))
        unneeded = [blob.name for blob in blobs]
        try:
            results = await services.database.write(lambda db: store.attach_files(db, wanted))
        except Exception:
            # not when cancelled: the change is carried out all the same
            await services.blobs.remove(unneeded)
            raise
        for place, refused in zip(numbers, results.problems, strict=True):
            if refused is not None:
                outcomes[place] = _Outcome(refused.status, message=refused.message)
        if results.unneeded:
            await services.blobs.remove(results.unneeded)
        return json_response(msgspec.to_builtins(outcomes))

    async def get(self, request: Request) -> Response:
        """`POST` of signed addresses; the answer has outcomes and bytes of each, in their order.

        Files that would make the answer too large are refused with 413.
        """
        services = self._services
        urls = _decoded(await read_body(request, _HEAD_BYTES), list[str])
        numbers = [self._number_of(url) for url in urls]

        wanted = [one for one in numbers if isinstance(one, int)]
        rows = await services.database.read(lambda db: store.files_of(db, wanted))
        outcomes: list[_Outcome] = []
        chosen: dict[int, str] = {}  # place of an outcome -> blob
        left = _MOST_BYTES
        for place, number in enumerate(numbers):
            row = rows.get(number) if isinstance(number, int) else None
            if isinstance(number, Problem):
                outcomes.append(_Outcome(number.status, message=number.message))
            elif row is None or row["blob"] is None:
                outcomes.append(_Outcome(404, message="file not found"))
            elif row["size"] > left:
                outcomes.append(_Outcome(413))
            else:
                left -= row["size"]
                chosen[place] = row["blob"]
                outcomes.append(_Outcome(200, row["size"]))
        parts: list[bytes] = []
        contents = await services.blobs.read_small(list(chosen.values()))
        for place, data in zip(chosen, contents, strict=True):
            if data is None:
                outcomes[place] = _Outcome(404, message="file not found")
            else:
                parts.append(data)
        head = msgspec.json.encode(outcomes)
        return Response(
            b"".join([head, b"\n", *parts]),
            media_type="application/octet-stream",
            headers=SAFE_HEADERS,
        )

    def _number_of(self, url: str) -> int | Problem:
        try:
            return self._check("artifact-get", url)
        except Problem as problem:
            return problem

    def _check(self, wanted: Action, url: str) -> int:
        found = _SIGNED.search(url)
        if found is None or found["action"] != wanted:
            raise invalid("no signed address of a file")
        given = parse_qs(found["query"])
        number = int(found["number"])
        self._services.signer.check(
            wanted, number, given.get("expires", [""])[0], given.get("signature", [""])[0]
        )
        return number


def _decoded(data: bytes, kind: type[Any]) -> Any:
    try:
        items = msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise invalid(f"not a batch: {exc}") from exc
    if len(items) > _MOST_FILES:
        raise Problem(413, f"a batch has at most {_MOST_FILES} files")
    return items


def _cut(data: memoryview, sizes: list[int]) -> list[memoryview]:
    if any(size < 0 for size in sizes) or sum(sizes) != len(data):
        raise invalid("the sizes in a batch are not those of its bytes")
    pieces: list[memoryview] = []
    start = 0
    for size in sizes:
        pieces.append(data[start : start + size])
        start += size
    return pieces
