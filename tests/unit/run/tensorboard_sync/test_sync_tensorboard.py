"""A run beside TensorBoard writers: rows, prefixes and files, without a server."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from run_journals import bodies, rows, user_rows

import asyncwb.sync
from asyncwb.errors import UsageError
from asyncwb.journal.records import ConfigRecord, FilesRecord
from asyncwb.portal import PORTAL
from asyncwb.run import Run, init
from asyncwb.run.tensorboard import folder
from asyncwb.run.tensorboard.patch import WRITERS
from asyncwb.tensorboard import patch, unpatch

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest.importorskip("tensorboard")
pytest.importorskip("torch")

import torch
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util.tensor_util import make_tensor_proto
from torch.utils.tensorboard import SummaryWriter

pytestmark = pytest.mark.torch

PATIENCE_SECONDS = 30


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    before = EventFileWriter.__init__
    path = list(sys.meta_path)
    yield
    assert WRITERS._users == 0
    assert EventFileWriter.__init__ is before
    assert sys.meta_path == path


async def syncing(**keywords: Any) -> Run:
    return await init("p", mode="offline", sync_tensorboard=True, **keywords)


async def finished(run: Run) -> list[dict[str, Any]]:
    await run.finish()
    return [{k: v for k, v in row.items() if k != "_step"} for row in user_rows(journal(run))]


def journal(run: Any) -> str:
    found: str = run.status().journal
    return found


def files(run: Any) -> dict[str, int]:
    """Policies by path, of event files and media."""
    return {
        item.path: item.policy
        for body in bodies(journal(run))
        if isinstance(body, FilesRecord)
        for item in body.files
        if "tfevents" in item.path or item.path.startswith("media")
    }


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "asyncwb-tensorboard"]


def scalars(path: str, steps: int = 2, tag: str = "x") -> None:
    with SummaryWriter(path) as writer:
        for step in range(steps):
            writer.add_scalar(tag, step, step)


# -- rows -----------------------------------------------------------------------------------


async def test_events_of_one_step_are_one_row() -> None:
    run = await syncing()
    writer = SummaryWriter("logs")
    writer.add_scalar("a", 0.1, 0, walltime=100.5)
    writer.add_scalar("b/c", 2, 0, walltime=101.5)
    writer.add_scalar("a", 0.25, 5, walltime=102.5)
    writer.add_text("text", "is left out", 6)
    writer.add_scalar("a", float("nan"), 7)
    writer.close()
    found = await finished(run)
    assert found[:2] == [
        {"a": 0.1, "b/c": 2, "global_step": 0},
        {"a": 0.25, "global_step": 5},
    ]
    assert found[2]["a"] != found[2]["a"]
    assert len(found) == 3
    stored = rows(journal(run))
    assert [row["_timestamp"] for row in stored[:2]] == [101.5, 102.5]
    assert [row["_step"] for row in stored] == [0, 1, 2]
    assert run.summary["global_step"] == 7


async def test_histograms_and_images() -> None:
    run = await syncing()
    with SummaryWriter("logs") as writer:
        writer.add_histogram("h", torch.arange(10.0), 1)
        writer.add_image("i", torch.zeros(3, 4, 5), 1)
    (row,) = await finished(run)
    assert sum(row["h"]["values"]) == 10
    assert len(row["h"]["bins"]) == len(row["h"]["values"]) + 1
    image = row["i"]
    assert {key: image[key] for key in ("_type", "format", "width", "height", "count")} == {
        "_type": "images/separated", "format": "png", "width": 5, "height": 4, "count": 1,
    }  # fmt: skip
    (path,) = image["filenames"]
    assert Path(run.dir, path).read_bytes().startswith(b"\x89PNG")
    assert files(run)[path] == 0


async def test_precision_over_recall_is_a_table_with_a_chart() -> None:
    run = await syncing()
    writer = EventFileWriter("logs")
    event = Event(step=3, wall_time=1.0)
    table = [[0.0, 0.0]] * 4 + [[0.5, 1.0], [0.9, 0.2]]
    event.summary.value.add(
        tag="pr",
        tensor=make_tensor_proto(table, dtype="float32"),
        metadata={"plugin_data": {"plugin_name": "pr_curves"}},
    )
    writer.add_event(event)
    writer.close()
    (row,) = await finished(run)
    value = row["pr"]
    assert (value["_type"], value["ncols"], value["nrows"]) == ("table-file", 2, 2)
    text = Path(run.dir, value["path"]).read_text()
    assert text.startswith('{"columns":["recall","precision"],"data":[[0.8999999761581421,0.5],')
    (chart,) = [
        item
        for body in bodies(journal(run))
        if isinstance(body, ConfigRecord)
        for item in body.update
        if item.nested_key
    ]
    assert chart.nested_key == ["_wandb", "visualize", "pr"]
    assert '"panelDefId":"wandb/line/v0"' in chart.value_json
    assert '"title":"pr Precision v. Recall"' in chart.value_json


async def test_the_plugin_is_remembered_from_the_first_value_of_a_tag() -> None:
    run = await syncing()
    writer = EventFileWriter("logs")
    for step in range(2):
        event = Event(step=step)
        value = event.summary.value.add(tag="x", tensor=make_tensor_proto(step + 0.5))
        if step == 0:
            value.metadata.plugin_data.plugin_name = "scalars"
        writer.add_event(event)
    writer.close()
    assert [row["x"] for row in await finished(run)] == [0.5, 1.5]


async def test_the_users_rows_stay_whole() -> None:
    run = await syncing()
    await run.log({"a": 1}, commit=False)
    scalars("logs", 1)
    scalars("logs/other", 1)
    wait_until(lambda: len(user_rows(journal(run))) == 0 and threads())
    await run.log({"b": 2})
    await run.log({"c": 3}, step=10)
    found = await finished(run)
    assert [row for row in found if "global_step" not in row] == [{"a": 1, "b": 2}, {"c": 3}]
    assert len(found) == 4


def wait_until(what: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def test_rows_come_while_the_writer_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_GUESS_SECONDS", 0.0)
    run = await syncing()
    writer = SummaryWriter("logs")
    for step in range(3):
        writer.add_scalar("x", step, step)
        writer.flush()
        # A row is written when the next step begins.
        wait_until(lambda step=step: len(user_rows(journal(run))) == step)
    writer.close()
    assert len(await finished(run)) == 3


async def test_a_writer_that_is_not_flushed_is_flushed_at_the_end() -> None:
    run = await syncing()
    writer = SummaryWriter("logs", flush_secs=1000)
    writer.add_scalar("x", 1.5, 3)
    assert await finished(run) == [{"x": 1.5, "global_step": 3}]
    writer.close()


async def test_tensorboardx() -> None:
    tensorboardX = pytest.importorskip("tensorboardX")  # noqa: N806
    run = await syncing()
    with tensorboardX.SummaryWriter("logs") as writer:
        writer.add_scalar("x", 1.5, 3)
        writer.add_histogram("h", torch.arange(10.0).numpy(), 3)
    (row,) = await finished(run)
    assert (row["x"], row["global_step"], sum(row["h"]["values"])) == (1.5, 3, 10)


async def test_files_that_follow_one_another_in_a_folder() -> None:
    run = await syncing()
    for n in range(3):
        with SummaryWriter("logs", filename_suffix=f".{n}") as writer:
            writer.add_scalar("x", n, n)
    assert [row["x"] for row in await finished(run)] == [0, 1, 2]
    assert len(files(run)) == 3


async def test_files_of_before_and_of_other_machines_are_not_ours() -> None:
    Path("logs").mkdir()
    host = socket.gethostname()
    scalars("source")
    (source,) = Path("source").iterdir()
    for name in (f"1000.{host}.1.0", f"{int(time.time()) + 99}.elsewhere.1.0",
                 f"{int(time.time()) + 99}.{host}.1.profile-empty"):  # fmt: skip
        Path("logs", f"events.out.tfevents.{name}").write_bytes(source.read_bytes())
    run = await syncing()
    scalars("logs", 1, "new")
    assert await finished(run) == [{"new": 0, "global_step": 0}]
    assert len(files(run)) == 1


# -- what precedes the tags, and where the files go -----------------------------------------


def tags(found: list[dict[str, Any]]) -> set[str]:
    return {key for row in found for key in row} - {"global_step"}


def folders(run: Any) -> set[str]:
    return {str(Path(name).parent) for name in files(run)}


async def test_one_folder_precedes_nothing() -> None:
    run = await syncing()
    scalars("runs/one/two")
    assert tags(await finished(run)) == {"x"}
    assert folders(run) == {"runs/one/two"}
    assert set(files(run).values()) == {1}
    (name,) = files(run)
    assert Path(run.dir, name).resolve() == Path(name).resolve()


async def test_several_folders_precede_what_they_do_not_share() -> None:
    run = await syncing()
    scalars("runs/one/train")
    scalars("runs/one/val/deep")
    scalars("runs/one/val")
    assert tags(await finished(run)) == {"train/x", "val/deep/x", "val/x"}
    assert folders(run) == {"train", "val/deep", "val"}


async def test_a_folder_in_another_is_preceded_by_the_rest() -> None:
    run = await syncing()
    with SummaryWriter("logs") as writer:
        writer.add_scalars("loss", {"a": 1.0, "b": 2.0}, 0)
    assert tags(await finished(run)) == {"loss_a/loss", "loss_b/loss"}


async def test_a_folder_elsewhere_keeps_its_name(tmp_path: Path) -> None:
    run = await syncing()
    scalars(str(tmp_path / "elsewhere"))
    assert tags(await finished(run)) == {"x"}
    assert folders(run) == {"elsewhere"}


async def test_torchs_own_folder_precedes_nothing() -> None:
    run = await syncing()
    with SummaryWriter() as writer:
        writer.add_scalar("x", 1, 0)
    with SummaryWriter() as writer:
        writer.add_scalar("y", 1, 0)
    assert tags(await finished(run)) == {"x", "y"}


async def test_patch_says_the_root() -> None:
    patch(root_logdir="runs/one")
    try:
        run = await init("p", mode="offline")
        scalars("runs/one/train")
        scalars("other")
        # The one outside is preceded by what it does not share with the others.
        assert tags(await finished(run)) == {"train/x", "other/x"}
        assert folders(run) == {"train", "other"}
        with pytest.raises(UsageError, match="unpatch"):
            patch()
    finally:
        unpatch()
    run = await init("p", mode="offline")
    scalars("runs/two")
    assert await finished(run) == []
    unpatch()


async def test_patch_without_files() -> None:
    patch(save=False)
    try:
        run = await syncing()
        scalars("logs")
        assert len(await finished(run)) == 2
        assert files(run) == {}
    finally:
        unpatch()


# -- which run, and when nothing happens ----------------------------------------------------


async def test_the_old_name_and_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    run = await init("p", mode="offline", tensorboard=True)
    scalars("logs/a")
    assert len(await finished(run)) == 2
    monkeypatch.setenv("WANDB_SYNC_TENSORBOARD", "true")
    run = await init("p", mode="offline")
    scalars("logs/b")
    assert len(await finished(run)) == 2


async def test_runs_that_did_not_ask_get_nothing() -> None:
    asked = await syncing()
    other = await init("p", mode="offline")
    scalars("logs/a")
    assert threads() == []
    assert await finished(other) == []
    scalars("logs/b")
    assert len(await finished(asked)) == 2
    scalars("logs/c")
    assert threads() == []


async def test_a_disabled_run_follows_nothing() -> None:
    run = await init("p", mode="disabled", sync_tensorboard=True)
    scalars("logs")
    assert threads() == []
    await run.finish()


async def test_a_folder_in_a_cloud_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    run = await syncing()
    with caplog.at_level(logging.WARNING):
        run._core.observers.tensorboard.follow("s3://bucket/logs", root="", save=True)
    assert "s3://bucket/logs is not followed" in caplog.text
    await run.finish()


def test_the_blocking_face() -> None:
    with asyncwb.sync.init(project="p", mode="offline", sync_tensorboard=True) as run:
        scalars("logs")
    assert [row["x"] for row in user_rows(journal(run))] == [0, 1]
    assert threads() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
async def test_a_forked_child_is_not_disturbed() -> None:
    run = await syncing()
    scalars("logs/a")
    pid = os.fork()
    if pid == 0:
        try:
            scalars("logs/child")
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0  # noqa: ASYNC222 - nothing else runs here
    assert tags(await finished(run)) == {"x"}


LATE = """
import sys
import asyncwb.sync as wandb
run = wandb.init(project="p", mode="offline", sync_tensorboard=True, settings={"silent": True})
assert not {"torch", "tensorboard", "tensorboardX", "numpy"} & sys.modules.keys()
from torch.utils.tensorboard import SummaryWriter
from tensorboard.summary.writer import event_file_writer
assert type(event_file_writer.__loader__).__module__ == "_frozen_importlib_external"
writer = SummaryWriter("logs")
writer.add_scalar("x", 1.5, 0)
FINISH
print(run.status().journal)
"""


@pytest.mark.parametrize("finish", ["writer.close(); run.finish()", ""])
def test_a_library_that_is_imported_later_and_an_exit_without_finish(finish: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE.replace("FINISH", finish)],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    (row,) = user_rows(done.stdout.strip())
    assert row == {"_step": 0, "x": 1.5, "global_step": 0}


async def test_files_that_cannot_be_read_do_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WANDB_SILENT", "false")
    free = threading.Event()
    monkeypatch.setattr(folder.LogFolder, "read", lambda self, ending: free.wait() and False)
    run = await syncing()
    scalars("logs")
    await run.finish(timeout=0.2)
    assert "cannot be read" in capsys.readouterr().err
    free.set()
    wait_until(lambda: not threads())


async def test_a_failure_of_the_thread_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object, *, ending: bool) -> bool:
        raise LookupError("a surprise")

    monkeypatch.setattr(folder.LogFolder, "read", fail)
    run = await syncing()
    scalars("logs")
    assert await finished(run) == []
    assert "a surprise" in caplog.text


async def test_the_blocking_face_inside_of_a_running_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its warning comes once per process: other tests wait for it.
    monkeypatch.setattr(PORTAL, "_warned", True)
    run = asyncwb.sync.init(project="p", mode="offline", sync_tensorboard=True)
    scalars("logs")
    run.finish()
    assert [row["x"] for row in user_rows(journal(run))] == [0, 1]
