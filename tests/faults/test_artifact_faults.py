"""Artifacts over a network, server and disk that fail: whole files or none, no work twice."""

from __future__ import annotations

import hashlib
import os
import random
import re
import resource
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
from artifact_logging import log
from cutting_proxy import CuttingProxy

from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.fetching import Fetching
from asyncwb.artifacts.partial import Partial
from asyncwb.artifacts.uploads import FileUploads
from asyncwb.errors import (
    CommError,
    DeadlineError,
    DigestMismatchError,
    Error,
    ProtocolError,
    UsageError,
)
from asyncwb.testing import LocalServer, local_server
from asyncwb.testing.faults import Fault, FaultProxy

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

FILES, BYTES = 40, 100_000
LARGE = 3 * 1024 * 1024
PART = 256 * 1024
SUPPORT = Path(__file__).parent.parent / "support"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with local_server(data_dir=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a megabyte and more go up in parts of 256 KiB."""
    monkeypatch.setattr("asyncwb.artifacts.parts._PART_BYTES", PART)
    monkeypatch.setitem(FileUploads.__init__.__kwdefaults__, "multipart_bytes", 1024 * 1024)


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a server that takes no batches: each file is a request of its own."""
    monkeypatch.setattr("asyncwb.artifacts.saver.BATCHES", "none")
    monkeypatch.setattr("asyncwb.artifacts.fetching.BATCHES", "none")


def api_of(server: LocalServer, url: str | None = None, **settings: Any) -> Api:
    return Api({**server.settings, "project": "faults", "base_url": url or server.url, **settings})


async def draft(name: str, folder: Path, *, large: bool = False) -> Artifact:
    """Files of random bytes; no version on the server has any of them."""
    artifact = Artifact(name, "dataset")
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    for number in range(FILES):
        (folder / "sub" / f"{number:02d}.bin").write_bytes(os.urandom(BYTES))
    if large:
        (folder / "large.bin").write_bytes(os.urandom(LARGE))
    await artifact.add_dir(folder, policy="immutable")
    return artifact


def contents(folder: Path) -> dict[str, bytes]:
    """What people see in a folder: every file but those that are still on their way."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".asyncwb-")
    }


def drafts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob(".asyncwb-*") if path.is_file()]


# -- breaks -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_parts")
async def test_an_upload_whose_connections_break_at_random_bytes(
    server: LocalServer, tmp_path: Path
) -> None:
    drawn = random.Random(7)
    source = tmp_path / "source"
    made = await draft("cut-up", source, large=True)
    with CuttingProxy(server.url) as proxy:
        proxy.cut = lambda: drawn.randrange(20_000, 3_000_000)
        await log(api_of(server, proxy.url), made, "faults")
        assert proxy.cuts >= 3
    version = await api_of(server).artifact("cut-up:latest")
    await version.download(tmp_path / "there", skip_cache=True)
    assert contents(tmp_path / "there") == contents(source)


@pytest.mark.parametrize("multipart", [None, True])
async def test_a_download_whose_connections_break_at_random_bytes(
    server: LocalServer, tmp_path: Path, multipart: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asyncwb.artifacts.downloads._RANGE_BYTES", PART)
    drawn = random.Random(11)
    source = tmp_path / "source"
    await log(api_of(server), await draft("cut-down", source, large=True), "faults")
    with CuttingProxy(server.url) as proxy:
        version = await api_of(server, proxy.url).artifact("cut-down:latest")
        await version.load()
        proxy.cut = lambda: drawn.randrange(60_000, 600_000)
        await version.download(tmp_path / "there", skip_cache=True, multipart=multipart)
        assert proxy.cuts
    assert contents(tmp_path / "there") == contents(source)
    assert not drafts(tmp_path / "there")


@pytest.mark.usefixtures("one_by_one")
async def test_a_server_that_fails_30_percent_of_the_requests(
    server: LocalServer, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    made = await draft("rate", source, large=True)
    faults = [Fault.STATUS_500, Fault.STATUS_502, Fault.RESET_BEFORE, Fault.RESET_AFTER]

    def not_graphql(_method: str, path: str) -> bool:
        return path != "/graphql"

    with FaultProxy(server.url, rate=0.3, seed=3, faults=faults, match=not_graphql) as proxy:
        api = api_of(server, proxy.url)
        version = await log(api, made, "faults")
        uploaded = proxy.faulted
        await version.download(tmp_path / "there", skip_cache=True)
        assert 0 < uploaded < proxy.faulted
    assert contents(tmp_path / "there") == contents(source)


# -- a retry does the rest ----------------------------------------------------------------------


@pytest.mark.usefixtures("small_parts")
async def test_a_second_save_sends_only_what_the_first_did_not(
    server: LocalServer, tmp_path: Path
) -> None:
    made = await draft("again", tmp_path, large=True)
    whole = FILES * BYTES + LARGE
    with CuttingProxy(server.url) as proxy:
        api = api_of(server, proxy.url)
        proxy.bytes_per_second = 10e6
        proxy.count_anew(threshold=whole // 2)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def stop() -> None:
                    await anyio.to_thread.run_sync(proxy.moved.wait)
                    scope.cancel()

                group.start_soon(stop)
                await log(api, made, "faults")
        assert scope.cancelled_caught
        first = proxy.up
        proxy.bytes_per_second = None
        # What was on its way when it broke off is sent again: at most a batch and some parts.
        await anyio.sleep(0.5)
        proxy.count_anew()
        await log(api, made, "faults")
        assert first > whole * 0.4
        assert proxy.up < whole * 0.85
    await (await api_of(server).artifact("again:latest")).download(tmp_path / "d", skip_cache=True)
    assert (tmp_path / "d" / "large.bin").read_bytes() == (tmp_path / "large.bin").read_bytes()


@pytest.mark.usefixtures("small_parts")
async def test_parts_that_are_there_are_not_sent_again(server: LocalServer, tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(os.urandom(LARGE))
    made = Artifact("parts", "dataset")
    await made.add_file(tmp_path / "large.bin", policy="immutable")

    def complete(method: str, path: str) -> bool:
        return (method == "PUT" and path.endswith("?stop")) or "/12?" in path

    with FaultProxy(server.url, rate=1.0, faults=[Fault.STATUS_500], match=complete) as proxy:
        with anyio.move_on_after(3):
            await log(api_of(server, proxy.url), made, "faults")
        assert proxy.faulted
    with CuttingProxy(server.url) as counting:
        await log(api_of(server, counting.url), made, "faults")
        assert PART <= counting.up < 2 * PART
    version = await api_of(server).artifact("parts:latest")
    await version.download(tmp_path / "there", skip_cache=True)
    assert contents(tmp_path / "there") == {"large.bin": (tmp_path / "large.bin").read_bytes()}


@pytest.mark.usefixtures("one_by_one")
async def test_a_second_download_fetches_only_what_the_first_did_not(
    server: LocalServer, tmp_path: Path
) -> None:
    source, there = tmp_path / "source", tmp_path / "there"
    await log(api_of(server), await draft("rest", source), "faults")
    with CuttingProxy(server.url) as proxy:
        version = await api_of(server, proxy.url).artifact("rest:latest")
        await version.load()
        proxy.bytes_per_second = 4e6
        proxy.count_anew(threshold=FILES * BYTES // 2)
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:

                async def stop() -> None:
                    await anyio.to_thread.run_sync(proxy.moved.wait)
                    scope.cancel()

                group.start_soon(stop)
                await version.download(there, skip_cache=True)
        assert scope.cancelled_caught
        found = contents(there)
        assert 0 < len(found) < FILES
        assert found.items() <= contents(source).items()
        assert not drafts(there)
        proxy.bytes_per_second = None
        proxy.count_anew()
        await version.download(there, skip_cache=True)
        assert proxy.down < (FILES - len(found) + 1) * BYTES
    assert contents(there) == contents(source)


@pytest.mark.parametrize("multipart", [None, True])
async def test_a_cancelled_download_closes_its_file_when_nothing_is_written_any_more(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, multipart: bool | None
) -> None:
    made = Artifact(f"cancelled-{multipart}", "dataset")
    with made.new_file("large.bin", "wb") as file:
        file.write(os.urandom(LARGE))
    version = await log(api_of(server), made, "faults")
    await version.load()
    write, close = Partial.write, Partial.close
    writes, go, events = threading.Event(), threading.Event(), list[str]()

    def slow_write(self: Partial, pieces: list[bytes], position: int) -> int:
        writes.set()
        go.wait(10)
        end = write(self, pieces, position)
        events.append("written")
        return end

    def noted_close(self: Partial) -> None:
        events.append("closed")
        close(self)

    monkeypatch.setattr(Partial, "write", slow_write)
    monkeypatch.setattr(Partial, "close", noted_close)
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:

            async def stop() -> None:
                await anyio.to_thread.run_sync(writes.wait)
                threading.Timer(0.05, go.set).start()
                scope.cancel()

            group.start_soon(stop)
            await version.download(tmp_path / "there", skip_cache=True, multipart=multipart)
    assert scope.cancelled_caught
    assert events == ["written", "closed"]


@pytest.mark.parametrize("bytes_per_second", [2e6, None])
async def test_a_very_large_file_takes_more_connections_where_one_is_slow(
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bytes_per_second: float | None,
) -> None:
    monkeypatch.setattr("asyncwb.artifacts.downloads._LARGE_BYTES", LARGE)
    monkeypatch.setattr("asyncwb.artifacts.downloads._RANGE_BYTES", PART)
    # The loopback may be as slow on a busy machine; without a limit, whatever comes is fast.
    fast = 0 if bytes_per_second is None else 100e6
    monkeypatch.setattr("asyncwb.artifacts.downloads._FAST_BYTES", fast)
    right = os.urandom(LARGE + 12_345)
    made = Artifact(f"speed-{bytes_per_second}", "dataset")
    with made.new_file("large.bin", "wb") as file:
        file.write(right)
    await log(api_of(server), made, "faults")
    begin, ranges, told = Partial.begin_ranges, list[int](), list[int]()

    def noted_begin(self: Partial, wanted: list[tuple[int, int]], size: int) -> None:
        begin(self, wanted, size)
        ranges.append(sum(1 for one in wanted if not self.has(*one)))

    monkeypatch.setattr(Partial, "begin_ranges", noted_begin)
    with CuttingProxy(server.url) as proxy:
        version = await api_of(server, proxy.url).artifact(f"speed-{bytes_per_second}:latest")
        await version.load()
        proxy.bytes_per_second = bytes_per_second
        await version.download(
            tmp_path / "there", skip_cache=True, progress=lambda now: told.append(now.bytes_done)
        )
    assert (tmp_path / "there" / "large.bin").read_bytes() == right
    # What the first connection brought is not fetched again.
    assert ranges == ([] if bytes_per_second is None else [LARGE // PART])
    assert told == sorted(told)
    assert told[-1] == len(right)


@pytest.mark.parametrize("multipart", [None, True])
async def test_a_large_file_goes_on_where_it_broke_off(
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    multipart: bool | None,
) -> None:
    monkeypatch.setattr("asyncwb.artifacts.downloads._RANGE_BYTES", PART)
    monkeypatch.setattr("asyncwb.artifacts.downloads._RANGES_AT_ONCE", 2)
    right = os.urandom(LARGE)
    made = Artifact(f"resumed-{multipart}", "dataset")
    with made.new_file("large.bin", "wb") as file:
        file.write(right)
    version = await log(api_of(server), made, "faults")
    there = tmp_path / "there"
    with CuttingProxy(server.url) as proxy:
        settings = {**server.settings, "base_url": proxy.url, "project": "faults"}
        proxy.bytes_per_second = 1e6
        ranges = f"from asyncwb.artifacts import downloads\ndownloads._RANGE_BYTES = {PART}\n"
        download = ranges + DOWNLOADER.replace(
            "download(", f"download(multipart={multipart}, root="
        )
        script = download.format(name=f"resumed-{multipart}", folder=str(there), settings=settings)
        await killed_in_the_middle(proxy, script, after=LARGE * 2 // 3)
        assert contents(there) == {}
        assert drafts(there)
        proxy.bytes_per_second = None
        await anyio.sleep(0.5)
        proxy.count_anew()
        again = await api_of(server, proxy.url).artifact(f"resumed-{multipart}:latest")
        await again.download(there, skip_cache=True, multipart=multipart)
        assert proxy.down < LARGE * 0.7
    assert contents(there) == {"large.bin": right}
    assert not drafts(there)
    # What an earlier download left is not believed without its digest.
    (there / "large.bin").unlink()
    hexadecimal = hashlib.md5(right).hexdigest()
    (there / f".asyncwb-{hexadecimal}.part").write_bytes(bytes(LARGE // 2))
    await version.download(there, skip_cache=True)
    assert contents(there) == {"large.bin": right}
    assert not drafts(there)


async def test_a_server_that_knows_no_ranges(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asyncwb.transport import Transport

    right = os.urandom(LARGE)
    made = Artifact("rangeless", "dataset")
    with made.new_file("large.bin", "wb") as file:
        file.write(right)
    version = await log(api_of(server), made, "faults")
    hexadecimal = hashlib.md5(right).hexdigest()
    (tmp_path / f".asyncwb-{hexadecimal}.part").write_bytes(right[: LARGE // 2])
    stream, starts = Transport.stream, []

    def whole(self: Transport, url: str, *, start: int = 0, **options: Any) -> Any:
        starts.append(start)
        if start:
            raise ProtocolError("the server did not send the range asked for")
        return stream(self, url, start=start, **options)

    monkeypatch.setattr(Transport, "stream", whole)
    await version.download(tmp_path, skip_cache=True)
    assert starts == [LARGE // 2, 0]
    assert contents(tmp_path) == {"large.bin": right}
    assert not drafts(tmp_path)


async def test_a_server_that_does_not_answer_in_time_is_no_full_disk(
    server: LocalServer, tmp_path: Path
) -> None:
    made = Artifact("timed-out", "dataset")
    with made.new_file("large.bin", "wb") as file:
        file.write(os.urandom(LARGE))
    await log(api_of(server), made, "faults")

    def bytes_only(_method: str, path: str) -> bool:
        return "/artifact-get/" in path

    with FaultProxy(server.url, rate=1.0, faults=[Fault.SILENCE], match=bytes_only) as proxy:
        api = api_of(server, proxy.url, file_timeout=0.5)
        with pytest.raises(DeadlineError):
            await (await api.artifact("timed-out:latest")).download(tmp_path)


# -- addresses and bytes ------------------------------------------------------------------------


def spoiled(url: str) -> str:
    """An address that the server refuses as one whose time is over: 403."""
    return re.sub(r"expires=\d+", "expires=1", url)


@pytest.mark.parametrize("batches", [True, False])
async def test_expired_addresses_are_asked_for_again(
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    batches: bool,
) -> None:
    source = tmp_path / "source"
    made = await draft(f"late-{batches}", source)
    if not batches:
        request.getfixturevalue("one_by_one")
    announce, addresses, seen = FileUploads._announce, Fetching._addresses, [0, 0]

    async def announced(self: FileUploads, batch: Sequence[Any]) -> list[Any]:
        places = await announce(self, batch)
        for place in places:
            if place.upload_url is not None and seen[0] < FILES // 3:
                seen[0] += 1
                place.upload_url = spoiled(place.upload_url)
        return places

    async def addressed(
        self: Fetching, where: Any, names: Any
    ) -> AsyncGenerator[list[tuple[str, str]], None]:
        async for page in addresses(self, where, names):
            late = seen[1] == 0
            seen[1] += 1
            yield [(name, spoiled(url) if late else url) for name, url in page]

    monkeypatch.setattr(FileUploads, "_announce", announced)
    monkeypatch.setattr(Fetching, "_addresses", addressed)
    version = await log(api_of(server), made, "faults")
    assert seen[0] == FILES // 3
    await version.download(tmp_path / "there", skip_cache=True)
    assert seen[1] == 2
    assert contents(tmp_path / "there") == contents(source)


@pytest.mark.parametrize("size", [1000, 3_000_000])
async def test_wrong_bytes_from_the_server(server: LocalServer, tmp_path: Path, size: int) -> None:
    right = os.urandom(size)
    made = Artifact(f"wrong-{size}", "dataset")
    with made.new_file("deep/data.bin", "wb") as file:
        file.write(right)
    version = await log(api_of(server), made, "faults")
    (blob,) = [
        path
        for path in Path(server.data_dir, "blobs").rglob("*")
        if path.is_file() and path.read_bytes() == right
    ]
    blob.write_bytes(b"x" + right[1:])
    there = tmp_path / "there"
    for multipart in (None, True):
        with pytest.raises(DigestMismatchError) as caught:
            await version.download(there, multipart=multipart)
        assert caught.value.path == "deep/data.bin"
        assert caught.value.expected == version.get_entry("deep/data.bin").digest
        assert caught.value.got != caught.value.expected
        for word in ("deep/data.bin", caught.value.expected, caught.value.got):
            assert word in str(caught.value)
        assert contents(there) == {}
        assert not drafts(there)
    blob.write_bytes(right)
    await version.download(there)
    assert contents(there) == {"deep/data.bin": right}


async def test_a_cache_that_was_damaged_is_not_believed(
    server: LocalServer, tmp_path: Path
) -> None:
    api = api_of(server, cache_dir=str(tmp_path / "cache"))
    version = await log(api, await draft("damaged", tmp_path / "source"), "faults")
    await version.download(tmp_path / "one")
    for path in (tmp_path / "cache").rglob("obj/**/*"):
        if path.is_file():
            path.write_bytes(bytes(path.stat().st_size))
    await version.download(tmp_path / "two")
    assert contents(tmp_path / "two") == contents(tmp_path / "source")


# -- the disk and the process -------------------------------------------------------------------


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file of this process can grow further: writing fails as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("size", [200_000, 900_000, 3_000_000])
async def test_a_disk_that_is_full(server: LocalServer, tmp_path: Path, size: int) -> None:
    right = os.urandom(size)
    made = Artifact(f"full-{size}", "dataset")
    with made.new_file("data.bin", "wb") as file:
        file.write(right)
    version = await log(api_of(server), made, "faults")
    await version.load()
    there = tmp_path / "there"
    for multipart in (None, True):
        with files_of_at_most(100_000), pytest.raises(UsageError, match=r"data\.bin"):
            await version.download(there, skip_cache=True, multipart=multipart)
        assert contents(there) == {}
        assert not drafts(there)
    await version.download(there)
    assert contents(there) == {"data.bin": right}


UPLOADER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {support!r})
from artifact_logging import log
from asyncwb.api import Api
from asyncwb.artifacts.artifact import Artifact

async def main():
    artifact = Artifact({name!r}, "dataset")
    await artifact.add_dir({folder!r}, policy="immutable")
    await log(Api({settings!r}), artifact, "faults")
asyncio.run(main())
"""
DOWNLOADER = """
import asyncio
from asyncwb.api import Api

async def main():
    version = await Api({settings!r}).artifact({name!r} + ":latest")
    await version.download({folder!r})
asyncio.run(main())
"""


async def killed_in_the_middle(proxy: CuttingProxy, script: str, after: int) -> None:
    """Run a script and kill it once so many bytes went through."""
    proxy.count_anew(threshold=after)
    command = [sys.executable, "-c", script]
    child = await anyio.to_thread.run_sync(subprocess.Popen, command)
    try:
        assert await anyio.to_thread.run_sync(lambda: proxy.moved.wait(20))
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


async def test_a_process_that_is_killed_while_it_uploads(
    server: LocalServer, tmp_path: Path
) -> None:
    made = await draft("killed-up", tmp_path / "source", large=True)
    whole = FILES * BYTES + LARGE
    with CuttingProxy(server.url) as proxy:
        proxy.bytes_per_second = 10e6
        settings = {**server.settings, "base_url": proxy.url, "project": "faults"}
        script = UPLOADER.format(
            support=str(SUPPORT),
            name="killed-up",
            folder=str(tmp_path / "source"),
            settings=settings,
        )
        await killed_in_the_middle(proxy, script, after=whole - 400_000)
        with pytest.raises(CommError, match="Could not find artifact"):
            await api_of(server).artifact("killed-up:latest")
        proxy.bytes_per_second = None
        # What the process had handed over to the system still arrives.
        await anyio.sleep(0.5)
        proxy.count_anew()
        await log(api_of(server, proxy.url), made, "faults")
        # What had arrived whole is there: the large file is smaller than the batch of small ones.
        assert proxy.up < whole - LARGE // 2
    version = await api_of(server).artifact("killed-up:v0")
    await version.download(tmp_path / "there", skip_cache=True)
    assert contents(tmp_path / "there") == contents(tmp_path / "source")


async def test_a_process_that_is_killed_while_it_downloads(
    server: LocalServer, tmp_path: Path
) -> None:
    source, there = tmp_path / "source", tmp_path / "there"
    await log(api_of(server), await draft("killed-down", source, large=True), "faults")
    whole = FILES * BYTES + LARGE
    with CuttingProxy(server.url) as proxy:
        proxy.bytes_per_second = 3e6
        settings = {**server.settings, "base_url": proxy.url, "project": "faults"}
        script = DOWNLOADER.format(name="killed-down", folder=str(there), settings=settings)
        await killed_in_the_middle(proxy, script, after=whole * 2 // 3)
        found = contents(there)
        assert found.items() <= contents(source).items()
        proxy.bytes_per_second = None
        proxy.count_anew()
        version = await api_of(server, proxy.url).artifact("killed-down:latest")
        await version.download(there)
        assert proxy.down < whole - sum(map(len, found.values())) + 200_000
    assert contents(there) == contents(source)
    await version.verify(there)


# -- what a server may not do, and what callers may not ask --------------------------------------


@pytest.mark.parametrize(
    "path", ["../../x", "/etc/x", "C:/x", "c:x", "a/../../x", "..\\x", "\\\\host\\share\\x", "a\0b"]
)
async def test_names_that_lead_out_are_refused(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    made = Artifact("names", "dataset")
    with made.new_file("inside.txt") as file:
        file.write("x")
    await log(api_of(server), made, "faults")
    from asyncwb.transport import Transport

    download = Transport.download

    async def renamed(self: Transport, url: str, **options: Any) -> Any:
        answer = await download(self, url, **options)
        if "manifest" in url:
            import json

            manifest = json.loads(answer.body)
            manifest["contents"] = {path: manifest["contents"]["inside.txt"]}
            return type(answer)(answer.status, answer.headers, json.dumps(manifest).encode())
        return answer

    monkeypatch.setattr(Transport, "download", renamed)
    version = await api_of(server).artifact("names:latest")
    root = tmp_path / "deep" / "root"
    with pytest.raises(Error, match="relative"):
        await version.download(root)
    assert contents(tmp_path) == {}


async def test_links_in_the_target_lead_nowhere(server: LocalServer, tmp_path: Path) -> None:
    made = Artifact("links", "dataset")
    for number in range(20):
        with made.new_file(f"sub/{number}.txt") as file:
            file.write(f"new {number}")
    version = await log(api_of(server), made, "faults")
    outside, root = tmp_path / "outside", tmp_path / "root"
    outside.mkdir()
    root.mkdir()
    (outside / "0.txt").write_text("old")
    (root / "sub").symlink_to(outside)
    with pytest.raises(UsageError, match="through a link"):
        await version.download(root)
    assert contents(outside) == {"0.txt": b"old"}
    # A link in the place of a file is replaced, what it leads to is left alone.
    (root / "sub").unlink()
    (root / "sub").mkdir()
    (root / "sub" / "0.txt").symlink_to(outside / "0.txt")
    await version.download(root)
    assert (root / "sub" / "0.txt").read_text() == "new 0"
    assert not (root / "sub" / "0.txt").is_symlink()
    assert contents(outside) == {"0.txt": b"old"}
