"""How files travel: announcements, headers, refusals, files that change or vanish meanwhile."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import pytest
from http_loopback import Reply, Request, Server
from transports import with_transport

from asyncwb.errors import CommError, ServerError
from asyncwb.graphql.run_operations import CreateRunFilesAnswer
from asyncwb.sender.file_table import FileTable
from asyncwb.sender.file_transfer import FileTransfer
from asyncwb.sender.target import RunTarget
from asyncwb.transport import Transport  # noqa: TC001 - of a body that runs in the loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

TARGET = RunTarget(run_id="r", project="p", entity="e", display_name="n", storage_id="s")


class Announcements:
    """Answers CreateRunFiles; each answer has URLs of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[list[str]] = []
        self.refused: set[str] = set()
        self.headers: list[str] | None = None
        self.error: CommError | None = None

    async def execute(self, operation: Any, variables: dict[str, Any], **_: object) -> Any:
        assert operation.name == "CreateRunFiles"
        assert variables == {**variables, "entity": "e", "project": "p", "run": "r"}
        self.asked.append(list(variables["files"]))
        if self.error is not None:
            raise self.error
        made = {
            "runID": "x",
            "uploadHeaders": self.headers,
            "files": [
                {
                    "name": name,
                    "uploadUrl": None
                    if name in self.refused
                    else f"{self.url}/{len(self.asked)}/{name}?signature=1",
                }
                for name in variables["files"]
            ],
        }
        import msgspec

        return msgspec.convert({"createRunFiles": made}, CreateRunFilesAnswer)


async def moved(
    folder: Path,
    names: list[str],
    handler: Callable[[Request], Awaitable[Reply]] | None = None,
    **changes: Any,
) -> tuple[Server, Announcements, FileTable, FileTransfer]:
    """Upload files through a store with `handler`, as the table has them due."""

    async def store(request: Request) -> Reply:
        return Reply() if handler is None else await handler(request)

    async with Server(store) as server:
        announcements = Announcements(server.url)
        for name, value in changes.items():
            setattr(announcements, name, value)
        table = FileTable()

        async def body(transport: Transport) -> FileTransfer:
            transfer = FileTransfer(
                transport,
                announcements,  # type: ignore[arg-type]
                folder,
                TARGET,
                table,
                deadline_seconds=20,
                on_retry=None,
            )
            for name in names:
                table.want(name, "now", 1, 0.0)
            while files := table.take(1e12, hurry=True, limit=100):
                for parcel in await transfer.announce(files):
                    await transfer.send(parcel)
                if table.failed:
                    break
            return transfer

        return server, announcements, table, await with_transport(server.url, body)


async def test_bytes_and_headers(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    large = os.urandom(300_000)
    (tmp_path / "sub" / "large.bin").write_bytes(large)
    (tmp_path / "empty").touch()
    server, announcements, table, transfer = await moved(
        tmp_path, ["sub/large.bin", "empty"], headers=["x-a: 1", "x-b:2:3"]
    )
    assert announcements.asked == [["sub/large.bin", "empty"]]
    first, second = server.seen
    assert (first.method, first.path) == ("PUT", "/1/sub/large.bin?signature=1")
    assert first.body == large
    assert (second.body, second.headers["content-length"]) == (b"", "0")
    for request in (first, second):
        assert (request.headers["x-a"], request.headers["x-b"]) == ("1", "2:3")
        assert not {"authorization", "content-type", "transfer-encoding"} & set(request.headers)
    assert (table.uploaded, table.idle, transfer.bytes_sent) == (2, True, len(large))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_an_expired_url_is_asked_for_again(tmp_path: Path, status: int) -> None:
    (tmp_path / "a").write_text("a")

    async def expired(request: Request) -> Reply:
        return Reply(status if request.path.startswith("/1/") else 200)

    server, announcements, table, _ = await moved(tmp_path, ["a"], expired)
    assert announcements.asked == [["a"], ["a"]]
    assert [request.path for request in server.seen] == ["/1/a?signature=1", "/2/a?signature=1"]
    assert (table.uploaded, table.failed) == (1, {})


async def test_what_the_store_refuses_for_good_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")

    async def refused(request: Request) -> Reply:
        return Reply(403 if "/a?" in request.path else 200)

    with caplog.at_level(logging.WARNING, "asyncwb.sender"):
        server, announcements, table, _ = await moved(tmp_path, ["a", "b"], refused)
    assert announcements.asked == [["a", "b"], ["a"]]
    assert len(server.seen) == 3
    assert list(table.failed) == ["a"]
    assert "signature" not in caplog.text
    assert "'a'" in caplog.text


async def test_a_store_in_trouble_is_asked_again(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    answers = iter([500, 503, 200])

    async def trouble(_: Request) -> Reply:
        return Reply(next(answers), headers={"retry-after": "0"})

    server, announcements, table, _ = await moved(tmp_path, ["a"], trouble)
    assert len(announcements.asked) == 1
    assert [request.body for request in server.seen] == [b"a"] * 3
    assert table.uploaded == 1


async def test_a_name_without_a_url_fails_alone(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    server, _, table, _ = await moved(tmp_path, ["a", "b"], refused={"a"})
    assert [request.body for request in server.seen] == [b"b"]
    assert list(table.failed) == ["a"]
    assert table.uploaded == 1


async def test_an_announcement_that_fails_fails_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    server, _, table, _ = await moved(tmp_path, ["a"], error=ServerError("down"))
    assert server.seen == []
    assert str(table.failed["a"]) == "down"


async def test_what_is_no_file_is_left_out_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "here").write_text("here")
    names = ["folder", "dangling", "pipe", "gone", "here"]
    with caplog.at_level(logging.WARNING, "asyncwb.sender"):
        server, announcements, table, _ = await moved(tmp_path, names)
    assert announcements.asked == [["here"]]
    assert [request.body for request in server.seen] == [b"here"]
    assert (table.failed, table.idle) == ({}, True)
    assert [record.getMessage() for record in caplog.records] == [
        f"the file {name!r} is gone and is not uploaded" for name in names[:4]
    ]


async def test_a_file_that_grows_or_shrinks_while_it_is_sent(tmp_path: Path) -> None:
    """Each request is as long as it says, and the last one is the whole file."""
    path = tmp_path / "a"
    path.write_bytes(b"1" * 2_000_000)
    contents = iter([b"2" * 3_000_000, b"3" * 1_000])

    async def write_on(_: Request) -> Reply:
        if (content := next(contents, None)) is not None:
            path.write_bytes(content)
        return Reply()

    server, _, table, _ = await moved(tmp_path, ["a"], write_on)
    bodies = [request.body for request in server.seen]
    assert bodies == [b"1" * 2_000_000, b"2" * 3_000_000, b"3" * 1_000]
    assert (table.uploaded, table.idle) == (3, True)


async def test_an_unchanged_file_is_not_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    (path.with_name("again")).write_text("a")

    async def body(transport: Transport) -> list[list[str]]:
        announcements = Announcements(transport.config.base_url)
        table = FileTable()
        transfer = FileTransfer(
            transport, announcements, tmp_path, TARGET, table, deadline_seconds=20, on_retry=None
        )  # type: ignore[arg-type]
        for content in ("a", "a", "other"):
            if path.read_text() != content:
                path.write_text(content)
            table.want("a", "now", 1, 0.0)
            for parcel in await transfer.announce(table.take(1e12, hurry=True, limit=9)):
                assert await transfer.send(parcel)
        return announcements.asked

    async with Server() as server:
        assert await with_transport(server.url, body) == [["a"], ["a"]]
        assert [request.body for request in server.seen] == [b"a", b"other"]
