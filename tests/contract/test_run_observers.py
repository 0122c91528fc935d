"""What a run sees of other libraries, on the embedded server. The libraries are stand-ins here."""

from __future__ import annotations

import base64
import hashlib
import socket
import sys
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync
from asyncwb.api import Api
from asyncwb.run import init
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

# Written by torch 2.13's SummaryWriter: loss 0.5 and acc 0.1 at step 0, a histogram of 1, 2, 2 and
# loss 0.25 at step 1, at 1000.5, 1001.5 and 1001.75 s.
EVENTS = base64.b64decode(
    "SAAAAAAAAAD+kkidCXyk9qu5wdpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVy"
    "LmV2ZW50X2ZpbGVfd3JpdGVyLBxEuBgAAAAAAAAAo39LIgkAAAAAAESPQCoNCgsKBGxvc3MVAAAAP0j/3/oXAAAA"
    "AAAAAOfO+B4JAAAAAABEj0AqDAoKCgNhY2MVzczMPSJnF691AAAAAAAAANfZQXgJAAAAAABMj0AQASpoCmYKAWgq"
    "YQkAAAAAAADwPxEAAAAAAAAAQBkAAAAAAAAIQCEAAAAAAAAUQCkAAAAAAAAiQDIYAAAAAAAAAAAAAAAAAAD4PwAA"
    "AAAAAAhAOhgAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAED/n8n/GgAAAAAAAAASm9gtCQAAAAAATo9AEAEqDQoLCgRs"
    "b3NzFQAAgD5gIOF/"
)
ROWS = [
    {"loss": 0.5, "acc": 0.1, "global_step": 0, "_timestamp": 1000.5},
    {
        "h": {"_type": "histogram", "values": [1, 2], "bins": [0, 1.5, 3]},
        "loss": 0.25,
        "global_step": 1,
        "_timestamp": 1001.75,
    },
]


class EventFileWriter:
    def __init__(self, logdir: str) -> None:
        name = f"events.out.tfevents.{int(time.time()) + 1}.{socket.gethostname()}.1.0"
        self.path = Path(logdir, name)
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(EVENTS[:100])

    def flush(self) -> None:
        self.path.write_bytes(EVENTS)


class VideoRecorder:
    enabled = True

    def __init__(self, path: str) -> None:
        self.path = path

    def close(self) -> None:
        Path(self.path).write_bytes(b"a video")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    for kind, place in (
        (EventFileWriter, "tensorboardX.event_file_writer"),
        (VideoRecorder, "gymnasium.wrappers.monitoring.video_recorder"),
    ):
        module = types.ModuleType(place)
        setattr(module, kind.__name__, kind)
        monkeypatch.setitem(sys.modules, place, module)


async def stored(path: str) -> tuple[Any, list[dict[str, Any]]]:
    run = await Api().run(path)
    rows = [row async for row in run.scan_history()]
    for row in rows:
        del row["_runtime"], row["_step"]
    return run, rows


async def contents(run: Any) -> dict[str, bytes]:
    """Files of the run that have no fixed name."""
    return {
        file.name: await file.read()
        async for file in run.files()
        if file.name.startswith(("media", "logs"))
    }


async def test_rows_and_files_of_a_tensorboard_writer() -> None:
    async with init("p", sync_tensorboard=True) as run:
        writer = EventFileWriter("logs/a")
        await run.log({"own": 1}, step=3)
    found, rows = await stored(run.path)
    own = [row for row in rows if "own" in row]
    assert [row for row in rows if "own" not in row] == ROWS
    assert len(own) == 1
    assert await contents(found) == {f"logs/a/{writer.path.name}": EVENTS}
    assert found.summary["global_step"] == 1


def test_rows_of_a_tensorboard_writer_in_the_blocking_face() -> None:
    with asyncwb.sync.init("p", sync_tensorboard=True) as run:
        writer = EventFileWriter("logs/b")
    assert writer.path.read_bytes() == EVENTS
    found = asyncwb.sync.Api().run(run.path)
    rows = [{k: v for k, v in row.items() if k[1:] not in ("step", "runtime")}
            for row in found.scan_history()]  # fmt: skip
    assert rows == ROWS


async def test_a_video_of_a_gym_recorder() -> None:
    async with init("p", monitor_gym=True) as run:
        VideoRecorder("walk.mp4").close()
        await run.flush()
    found, rows = await stored(run.path)
    digest = hashlib.sha256(b"a video").hexdigest()
    path = f"media/videos/videos_0_{digest[:20]}.mp4"
    (row,) = rows
    assert row["videos"] == {"_type": "video-file", "sha256": digest, "size": 7, "path": path}
    assert await contents(found) == {path: b"a video"}
