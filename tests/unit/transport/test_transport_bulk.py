"""Files up and down, ranges, encodings."""

import gzip
import os
import zlib
from collections import Counter
from functools import partial
from pathlib import Path

import anyio
import pytest
from http_loopback import Reply, Request, Server
from hypothesis import given
from hypothesis import strategies as st
from transports import until, with_transport

from asyncwb.errors import CommError, InvalidValueError, ProtocolError
from asyncwb.testing.faults import DelayProxy, Fault, FaultProxy
from asyncwb.transport import NO_RETRY, RetryPolicy, Transport
from asyncwb.transport.body import gzip_body, unpack

QUICK = RetryPolicy(wait_base=0.005, wait_max=0.02)
BLOB = os.urandom(700_001)


async def blob(request: Request) -> Reply:
    """A file with an ETag, as storage hosts serve it."""
    asked = request.headers.get("range")
    if asked is None:
        return Reply(body=BLOB, headers={"etag": '"v1"'})
    first, _, last = asked.removeprefix("bytes=").partition("-")
    start, end = int(first), int(last or len(BLOB) - 1)
    if request.headers.get("if-range", '"v1"') != '"v1"':
        return Reply(body=BLOB, headers={"etag": '"v2"'})
    spoken = {"content-range": f"bytes {start}-{end}/{len(BLOB)}", "etag": '"v1"'}
    return Reply(206, BLOB[start : end + 1], spoken)


async def test_a_file_is_sent_in_chunks_and_again_from_the_start(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(16 * 1024 * 1024))
    async with (
        Server() as server,
        FaultProxy(server.url, script=[Fault.RESET_AFTER, Fault.STATUS_502]) as proxy,
    ):

        async def body(transport: Transport) -> None:
            answer = await transport.put("/up", path, policy=QUICK, deadline_seconds=20)
            assert answer.status == 200

        await with_transport(proxy.url, body)
        assert [request.body for request in server.seen] == [path.read_bytes()] * 3
        assert {r.headers["content-length"] for r in server.seen} == {str(16 * 1024 * 1024)}


async def test_an_empty_file_and_a_missing_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()

    async def body(transport: Transport) -> None:
        await transport.put("/up", empty, deadline_seconds=5)
        with pytest.raises(InvalidValueError, match=r"cannot read .*gone: No such file"):
            await transport.put("/up", tmp_path / "gone", deadline_seconds=5)

    async with Server() as server:
        await with_transport(server.url, body)
        assert [request.headers["content-length"] for request in server.seen] == ["0"]


LARGE = b"x" * 65_537


async def test_at_most_16_bulk_requests_at_once_and_10_of_a_kind() -> None:
    going = anyio.Event()
    waiting: Counter[str] = Counter()

    async def handler(request: Request) -> Reply:
        waiting[request.method] += 1
        await until(going.is_set)
        return Reply()

    async with Server(handler) as server:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(30):
                    group.start_soon(partial(transport.put, "/up", LARGE, deadline_seconds=10))
                await until(lambda: waiting["PUT"] == 10)
                for _ in range(30):
                    group.start_soon(partial(transport.post, "/in", LARGE, deadline_seconds=10))
                    group.start_soon(partial(transport.download, "/down", deadline_seconds=10))
                await until(lambda: waiting.total() == 16)
                await anyio.sleep(0.05)
                assert waiting == {"PUT": 10, "POST": 3, "GET": 3}
                going.set()
            assert waiting == {"PUT": 30, "POST": 30, "GET": 30}

        await with_transport(server.url, body)
        assert server.connections == 16


async def test_one_kind_of_traffic_never_locks_out_another() -> None:
    stuck = anyio.Event()
    waiting = 0

    async def handler(request: Request) -> Reply:
        nonlocal waiting
        if request.method == "PUT":
            waiting += 1
            await until(stuck.is_set)
        return Reply()

    async with Server(handler) as server:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(40):
                    group.start_soon(partial(transport.put, "/up", LARGE, deadline_seconds=10))
                await until(lambda: waiting == 10)
                with anyio.fail_after(5):
                    for _ in range(5):
                        await transport.post("/in", LARGE, deadline_seconds=10)
                        await transport.download("/down", deadline_seconds=10)
                stuck.set()
            assert waiting == 40

        await with_transport(server.url, body)


async def test_small_files_for_the_server_share_the_http2_connection(tmp_path: Path) -> None:
    small, empty, large = tmp_path / "small", tmp_path / "empty", tmp_path / "large"
    small.write_bytes(b"s" * 65_536)
    empty.touch()
    large.write_bytes(LARGE)

    async with Server(protocol="h2") as server, Server() as other:

        async def body(transport: Transport) -> None:
            async with anyio.create_task_group() as group:
                for _ in range(100):
                    group.start_soon(partial(transport.put, "/up", b"tiny", deadline_seconds=10))
            for source in (b"s" * 65_536, small, empty):
                answer = await transport.put(f"{server.url}/up?sig=1", source, deadline_seconds=10)
                assert answer.http_version == "HTTP/2"
            # This server knows HTTP/2 only: what is too large for it does not get through.
            for source in (LARGE, large):
                with pytest.raises(CommError):
                    await transport.put("/up", source, policy=NO_RETRY, deadline_seconds=0.2)
            answer = await transport.put(f"{other.url}/up", small, deadline_seconds=10)
            assert answer.http_version == "HTTP/1.1"

        await with_transport(server.url, body, http2="h2c")
        assert {request.version for request in server.seen} == {"2"}
        assert not any("authorization" in request.headers for request in server.seen)
        assert [request.body for request in server.seen[100:]] == [b"s" * 65_536] * 2 + [b""]
        assert server.seen[-1].headers["content-length"] == "0"


@pytest.mark.parametrize(("start", "end"), [(0, None), (10, None), (0, 100), (5, 700_001)])
async def test_ranges(start: int, end: int | None) -> None:
    async with Server(blob) as server:

        async def body(transport: Transport) -> bytes:
            async with transport.stream("/b", start=start, end=end, deadline_seconds=5) as download:
                parts = [piece async for piece in download]
            assert download.length == len(b"".join(parts))
            return b"".join(parts)

        assert await with_transport(server.url, body) == BLOB[start:end]


async def test_a_broken_download_goes_on_where_it_was() -> None:
    async with (
        Server(blob) as server,
        FaultProxy(server.url, script=[Fault.TRUNCATE] * 4) as proxy,
    ):

        async def body(transport: Transport) -> bytes:
            async with transport.stream("/b", policy=QUICK, deadline_seconds=5) as download:
                return b"".join([piece async for piece in download])

        assert await with_transport(proxy.url, body) == BLOB
        ranges = [request.headers.get("range") for request in server.seen]
        assert ranges[0] is None
        assert len(set(ranges)) == 5
        assert {request.headers.get("if-range") for request in server.seen[1:]} == {'"v1"'}


async def test_a_file_that_changed_is_never_glued_together() -> None:
    calls = 0

    async def handler(request: Request) -> Reply:
        nonlocal calls
        calls += 1
        version = {"etag": f'"v{calls}"'}
        return Reply(body=bytes([calls]) * 400_000, headers=version)

    async with Server(handler) as s, FaultProxy(s.url, script=[Fault.TRUNCATE]) as proxy:

        async def body(transport: Transport) -> None:
            async with transport.stream("/b", policy=QUICK, deadline_seconds=5) as download:
                with pytest.raises(ProtocolError, match="the file changed"):
                    assert {set(piece) == {1} async for piece in download} == {True}

        await with_transport(proxy.url, body)


async def test_without_a_validator_a_broken_download_is_an_error() -> None:
    async def handler(request: Request) -> Reply:
        return Reply(body=b"z" * 400_000)

    async with Server(handler) as s, FaultProxy(s.url, script=[Fault.TRUNCATE]) as proxy:

        async def body(transport: Transport) -> None:
            async with transport.stream("/b", policy=QUICK, deadline_seconds=5) as download:
                with pytest.raises(CommError, match=r"broke off after \d+ bytes"):
                    assert [piece async for piece in download]

        await with_transport(proxy.url, body)


async def test_leaving_a_download_early_frees_its_place() -> None:
    async with Server(blob) as server:

        async def body(transport: Transport) -> None:
            for _ in range(20):
                async with transport.stream("/b", deadline_seconds=5) as download:
                    async for _piece in download:
                        break
            with anyio.move_on_after(0.001):
                await transport.download("/b", deadline_seconds=5)
            assert (await transport.download("/b", deadline_seconds=5)).body == BLOB

        await with_transport(server.url, body)


async def test_streams_come_in_small_pieces() -> None:
    async def huge(request: Request) -> Reply:
        return Reply(body=bytes(8 * 1024 * 1024))

    async with Server(huge) as server:

        async def body(transport: Transport) -> list[int]:
            async with transport.stream("/b", deadline_seconds=20) as download:
                return [len(piece) async for piece in download]

        sizes = await with_transport(server.url, body)
        assert sum(sizes) == 8 * 1024 * 1024
        assert max(sizes) <= 256 * 1024


async def test_a_compressed_answer_is_unpacked() -> None:
    text = b"rows " * 400_000

    async def handler(request: Request) -> Reply:
        assert request.headers["accept-encoding"] == "gzip"
        damaged = request.path == "/damaged"
        packed = gzip.compress(text)
        return Reply(body=packed[:-9] if damaged else packed, headers={"content-encoding": "gzip"})

    async def body(transport: Transport) -> None:
        assert (await transport.post("/a", b"{}", deadline_seconds=5)).body == text
        assert (await transport.download("/a", deadline_seconds=5)).body == text
        with pytest.raises(CommError, match="too early"):
            await transport.download("/damaged", policy=NO_RETRY, deadline_seconds=5)

    async with Server(handler) as server:
        await with_transport(server.url, body)


@given(st.binary(max_size=3000), st.integers(1, 60))
def test_gzip_round_trip(data: bytes, times: int) -> None:
    async def both() -> None:
        packed = await gzip_body(data * times)
        assert gzip.decompress(packed) == data * times
        assert await unpack(packed, "gzip") == data * times
        assert await unpack(zlib.compress(data) + b"", "deflate") == data
        assert await unpack(data, "") == data

    anyio.run(both)


async def test_a_long_line_delays_and_drops() -> None:
    async with (
        Server() as server,
        DelayProxy(server.url, round_trip=0.06, drop_rate=0.1, seed=3) as line,
    ):

        async def body(transport: Transport) -> None:
            began = anyio.current_time()
            await transport.post("/a", b"{}", deadline_seconds=10)
            assert anyio.current_time() - began >= 0.06
            for _ in range(15):
                answer = await transport.post("/a", b"{}", policy=QUICK, deadline_seconds=10)
                assert answer.body == b"{}"

        await with_transport(line.url, body)
        assert line.drops > 0
