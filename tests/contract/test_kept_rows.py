"""Rows with media of a process that was killed: what was logged is there, as if it had lived."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from run_files import stored
from run_journals import bodies

from asyncwb.api import Api
from asyncwb.journal.records import FilesRecord
from asyncwb.portal import PORTAL
from asyncwb.sender.offline import sync_folder
from asyncwb.settings import resolve
from asyncwb.testing import LocalServer, local_server

if TYPE_CHECKING:
    from collections.abc import Iterator

for library in ("PIL.Image", "soundfile", "av"):
    pytest.importorskip(library)
pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
    pytest.mark.timeout(120),
]

# With `stuck`, nothing is encoded any more, and the process is killed after its last row.
SCRIPT = """
import os, signal, sys, threading
import numpy as np
import PIL.Image
import asyncwb.sync as wandb
from asyncwb.run.media.encoders import ENCODERS

_, run_id, mode, stuck = sys.argv
if stuck == "stuck":
    for _ in range(2):
        assert ENCODERS.offer(threading.Event().wait, cost=0, budget=1)
run = wandb.init(project="kept", id=run_id, mode=mode)
rng = np.random.default_rng(0)
def pixels(*shape):
    return rng.integers(0, 256, shape, dtype=np.uint8)
ROWS
if stuck == "stuck":
    os.kill(os.getpid(), signal.SIGKILL)
run.finish()
"""

ROWS = """
overlaid = wandb.Image(
    pixels(20, 30, 3), caption="a \\u00e9",
    masks={"m": {"mask_data": pixels(20, 30), "class_labels": {1: "one"}}},
    boxes={"b": {"box_data": [{"position": {"minX": 0, "maxX": 0.5, "minY": 0, "maxY": 0.5},
                               "class_id": 1}], "class_labels": {1: "one"}}},
)
run.log({"n": 1, "deep": {"x": 2.5, "image": overlaid}})
palette = PIL.Image.fromarray(pixels(9, 9, 3)).convert("P", palette=PIL.Image.Palette.ADAPTIVE)
run.log({"images": [wandb.Image(pixels(9, 9)), wandb.Image(palette)],
         "alpha": wandb.Image(pixels(9, 9, 4)),
         "jpeg": wandb.Image(pixels(9, 9, 3), file_type="jpg")})
run.log({"sound": wandb.Audio(rng.normal(size=(500, 2)) / 9, sample_rate=8000),
         "nan": float("nan")})
run.log({"gif": wandb.Video(pixels(3, 3, 16, 16), format="gif"),
         "mp4": wandb.Video(pixels(3, 1, 16, 16), fps=9, format="mp4")})
points = rng.normal(size=(50, 6))
box = wandb.box3d(center=(0, 0, 0), size=(1, 1, 1), orientation=(1, 0, 0, 0), color=(1, 2, 3))
run.log({"clouds": [wandb.Object3D(points), wandb.Object3D(points[:, :3])],
         "scene": wandb.Object3D.from_point_cloud(points[:, :4], [box])})
PIL.Image.fromarray(pixels(8, 8, 3)).save("own.png")
run.log({"we/ird \\"k\\u00e9y": wandb.Image("own.png"), "page": wandb.Html("<p>x</p>")})
os.unlink("own.png")
run.log({"n": 7}, step=10, commit=True)
run.log({"late": wandb.Image(pixels(5, 5))}, step=3)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


@pytest.fixture(autouse=True)
def here(server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.chdir(tmp_path)


def script(run_id: str, rows: str, *, mode: str = "offline", stuck: bool = True) -> Path:
    """Run it; returns the folder of the run."""
    text = SCRIPT.replace("ROWS", textwrap.dedent(rows))
    done = subprocess.run(
        [sys.executable, "-c", text, run_id, mode, "stuck" if stuck else ""],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == (-signal.SIGKILL if stuck else 0), done.stderr
    (folder,) = Path("wandb").glob(f"*run-*-{run_id}")
    return folder


async def sent(folder: Path, run_id: str) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """What the server has after a sync: rows in the order of their steps, and files."""
    result = await PORTAL.acall(sync_folder, folder, resolve({}))
    assert (result.state, result.damage) == ("synced", ()), result.error
    run = await Api().run(f"kept/{run_id}")
    rows = [row async for row in run.scan_history()]
    rows.sort(key=lambda row: (row["_step"], sorted(row)))
    for row in rows:
        del row["_timestamp"], row["_runtime"]
    return rows, await stored(f"kept/{run_id}")


async def test_every_type_is_there_as_if_the_process_had_lived() -> None:
    lived, files = await sent(script("lived", ROWS, stuck=False), "lived")
    killed_folder = script("killed", ROWS)
    killed, killed_files = await sent(killed_folder, "killed")
    # NaN is not itself.
    assert repr(killed) == repr(lived)
    assert killed_files == files
    assert not (killed_folder / "kept").exists()
    configs = [
        (await Api().run(f"kept/{name}")).rawconfig["_wandb"] for name in ("lived", "killed")
    ]
    for kind in ("mask/class_labels", "bounding_box/class_labels"):
        assert configs[0][kind] == configs[1][kind] != {}


async def test_a_live_run_goes_on_where_its_process_was_killed() -> None:
    rows = """
        for n in range(5):
            run.log({"n": n, "image": wandb.Image(pixels(9, 9))})
        run.log({"n": 5})
    """
    folder = script("live", rows, mode="online")
    before = [row["n"] async for row in (await Api().run("kept/live")).scan_history()]
    assert 0 not in before
    found, files = await sent(folder, "live")
    assert [(row["_step"], row["n"]) for row in found] == [(n, n) for n in range(6)]
    assert {row["image"]["path"] for row in found[:5]} == set(files)


async def test_what_takes_too_long_to_keep_is_missing_and_the_rest_is_there() -> None:
    rows = """
        big = np.zeros((2000, 2000, 3), np.uint8)
        run.log({"big": wandb.Image(big), "small": wandb.Image(pixels(9, 9)), "n": 1})
        run.log({"table": wandb.Table(columns=["a"], data=[[1]]), "n": 2})
    """
    found, files = await sent(script("large", rows), "large")
    assert [sorted(row) for row in found] == [["_step", "n", "small"], ["_step", "n"]]
    assert list(files) == [found[0]["small"]["path"]]


async def test_what_is_broken_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    rows = """
        run.log({"a": wandb.Image(pixels(9, 9)), "b": wandb.Html("x"), "n": 1})
        run.log({"c": wandb.Image(pixels(9, 9)), "n": 2})
    """
    folder = script("broken", rows)
    (folder / "kept" / "1").write_bytes(b"\0" * 81)
    (folder / "kept" / "2").unlink()
    with caplog.at_level(logging.WARNING):
        found, _ = await sent(folder, "broken")
    assert [sorted(row) for row in found] == [["_step", "a", "n"], ["_step", "n"]]
    assert "'b' of a run that was killed cannot be encoded" in caplog.text


async def test_half_a_record_at_the_end_does_not_matter() -> None:
    folder = script("torn", 'run.log({"image": wandb.Image(pixels(9, 9)), "n": 1})')
    (journal,) = folder.glob("*.wandb")
    with journal.open("ab") as file:
        file.write(b"\x12\x34\x56\x78\xff\x00\x01half")
    found, files = await sent(folder, "torn")
    assert [row["n"] for row in found] == [1]
    assert [found[0]["image"]["path"]] == list(files)


async def test_a_sync_that_is_interrupted_writes_no_row_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from asyncwb.sender import kept_rows

    rows = 'for n in range(3): run.log({"image": wandb.Image(pixels(9, 9)), "n": n})'
    folder = script("twice", rows)
    (journal,) = folder.glob("*.wandb")
    append, calls = kept_rows.append_at, []

    def once(*arguments: Any) -> int:
        if calls:
            raise OSError("the disk is full")
        calls.append(arguments)
        return append(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(kept_rows, "append_at", once)
        with pytest.raises(OSError, match="full"):
            kept_rows.complete_rows(journal)
    assert kept_rows.complete_rows(journal) == 2
    assert kept_rows.complete_rows(journal) == 0
    found, files = await sent(folder, "twice")
    assert [row["n"] for row in found] == [0, 1, 2]
    assert len(files) == 3


async def test_rows_logged_before_the_server_answered_are_moved() -> None:
    script("again", 'for n in range(4): run.log({"n": n})', mode="online", stuck=False)
    rows = """
        run.log({"n": 4, "image": wandb.Image(pixels(9, 9))})
        run._async._core.history.start_at(4, 100.0)
        run._async._core.names.note_resumed(4, 100.0)
        run.log({"n": 5}, step=5, commit=True)
    """
    for old in Path("wandb").glob("run-*-again"):
        old.rename(old.with_name("old"))
    folder = script("again", rows)
    found, _ = await sent(folder, "again")
    assert [(row["_step"], row["n"]) for row in found[-2:]] == [(4, 4), (5, 5)]


async def test_a_folder_is_read_with_its_completed_rows() -> None:
    rows = """
        for n in range(3):
            run.log({"n": n, "image": wandb.Image(pixels(9, 9))})
            run.log({"n": n + 0.5})
    """
    lived, killed = (script(f"read{stuck}", rows, stuck=stuck) for stuck in (False, True))
    await sent(killed, "readTrue")
    found = []
    for folder in (lived, killed):
        run = await Api(local=folder.parent).run(folder.name.rpartition("-")[2])
        found.append(sorted([row async for row in run.scan_history(keys=["n"])], key=repr))
    assert [{**row, "_step": 0} for row in found[0]] == [{**row, "_step": 0} for row in found[1]]
    assert len(found[0]) == 6


async def test_nothing_is_left_of_rows_that_were_complete() -> None:
    folder = script("clean", 'run.log({"image": wandb.Image(pixels(9, 9))})', stuck=False)
    assert not (folder / "kept").exists()
    kept = [one.kept for one in bodies(next(folder.glob("*.wandb"))) if type(one) is FilesRecord]
    assert sum(one is not None for one in kept) <= 1
