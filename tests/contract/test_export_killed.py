"""A killed export: the next one does the rest and cleans up, and leaves a living one alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from journals import RunFolder, row_record, run_record

import asyncwb
from asyncwb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = 5
ROWS = 30
# Exports until the third run has its first rows on disk, says so, and stays there.
HALF_AN_EXPORT = """
import asyncio, sys
import asyncwb
from asyncwb.export import job, tables

job._SAVE_SECONDS = 0.0
begun = 0
plain = tables._JsonWriter.add

def add(self, columns):
    global begun
    begun += 1
    plain(self, columns)
    if begun == 3:
        self._file.flush()
        print("writing", flush=True)
        sys.stdin.read()

tables._JsonWriter.add = add
runs = asyncwb.Api(local="wandb").runs(order="+name")
asyncio.run(asyncwb.export(runs, "out", "jsonl", concurrency=1))
"""


@pytest.fixture
def runs() -> asyncwb.api.Runs:
    for number in range(RUNS):
        rows = [row_record(step, loss=step / 7) for step in range(ROWS)]
        RunFolder(Path("wandb"), f"r{number}").add(run_record(f"r{number}"), *rows)
    return asyncwb.Api(local="wandb").runs(order="+name")


@contextmanager
def half_an_export() -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of its third run; killed at the end."""
    command = [sys.executable, "-c", HALF_AN_EXPORT]
    child = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ}
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "writing\n"
        yield child
        child.kill()


def histories() -> dict[str, int]:
    """Rows of each run that has a file."""
    return {
        path.parent.name.removeprefix("run_id="): len(path.read_text().splitlines())
        for path in Path("out").rglob("history.jsonl")
    }


async def test_the_next_call_does_the_rest(runs: asyncwb.api.Runs) -> None:
    with half_an_export() as child:
        child.send_signal(signal.SIGKILL)
        child.wait()
    (left,) = Path("out").glob(".unfinished-*")
    assert [path.stat().st_size > 0 for path in left.glob("3.*")] == [True]
    assert histories() == {"r0": ROWS, "r1": ROWS}
    assert not json.loads(Path("out/manifest.json").read_text())["complete"]
    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("history.jsonl")}

    result = await asyncwb.export(runs, "out", "jsonl")

    assert (result.runs, result.exported, result.kept, result.rows) == (5, 3, 2, 5 * ROWS)
    assert histories() == {f"r{number}": ROWS for number in range(RUNS)}
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert json.loads(Path("out/manifest.json").read_text())["complete"]
    assert sorted(os.listdir("out")) == ["history", "manifest.json", "runs.jsonl"]


async def test_a_living_export_is_left_alone(runs: asyncwb.api.Runs) -> None:
    with half_an_export():
        before = sorted(Path("out").rglob("*"))
        for to in ("out", Path("out").resolve(), "./out/../out"):
            with pytest.raises(UsageError, match="another export is writing into"):
                await asyncwb.export(runs, to, "jsonl")
        assert sorted(Path("out").rglob("*")) == before
    assert (await asyncwb.export(runs, "out", "jsonl")).kept == 2


async def test_a_place_is_free_after_an_error(runs: asyncwb.api.Runs) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await asyncwb.export(runs, "out", "jsonl", progress=lambda _: 1 / 0)  # type: ignore[arg-type,return-value]
    assert not list(Path("out").glob(".unfinished-*"))
    assert (await asyncwb.export(runs, "out", "jsonl")).runs == RUNS


async def test_what_only_looks_unfinished_stays(runs: asyncwb.api.Runs) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/mine").touch()
    Path("out/.unfinished-1-a").mkdir(parents=True)
    Path("out/.unfinished-link").symlink_to(Path("elsewhere").resolve())
    await asyncwb.export(runs, "out", "jsonl")
    assert Path("elsewhere/mine").exists()
    assert sorted(os.listdir("out")) == [
        ".unfinished-link", "history", "manifest.json", "runs.jsonl"
    ]  # fmt: skip
    Path("other/.unfinished-1-a").mkdir(parents=True)
    Path("other/mine").touch()
    with pytest.raises(UsageError, match="empty place"):
        await asyncwb.export(runs, "other", "jsonl")
    assert sorted(os.listdir("other")) == [".unfinished-1-a", "mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be locked there")
async def test_without_locks_nothing_of_others_goes(
    runs: asyncwb.api.Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    def refuse(*_: object) -> None:
        raise OSError(9, "no locks here")

    Path("out/.unfinished-1-a").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        await asyncwb.export(runs, "out", "jsonl")
    assert ".unfinished-1-a" in os.listdir("out")
