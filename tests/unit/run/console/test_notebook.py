"""Cells of a notebook: each replaces `write` of the streams and puts it back."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

import asyncwb.sync as wb

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plain_stream import Stream


class Shell:
    """What IPython 9 does around a cell, as far as it concerns the streams."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[..., None]] = []
        self.events = self

    def register(self, event: str, function: Callable[..., None]) -> None:
        assert event == "pre_run_cell"
        self.callbacks.append(function)

    def unregister(self, event: str, function: Callable[..., None]) -> None:
        assert event == "pre_run_cell"
        self.callbacks.remove(function)

    def run_cell(self, cell: Callable[[], None]) -> None:
        stream: Any = sys.stdout
        before = stream.write
        stream.write = lambda text: before(text)
        for callback in list(self.callbacks):
            callback(SimpleNamespace(raw_cell="..."))
        cell()
        stream.write = before


def test_every_cell_of_a_run_is_captured(stdout: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    runs: list[wb.Run] = []

    def begin() -> None:
        runs.append(wb.init("p", mode="offline"))
        print("cell 1")

    def end() -> None:
        print("cell 3")
        runs[0].finish()
        print("not part of it")

    shell.run_cell(begin)
    shell.run_cell(lambda: print("cell 2"))
    shell.run_cell(end)
    shell.run_cell(lambda: print("not part of it, either"))
    assert shell.callbacks == []
    with open(f"{runs[0].dir}/output.log") as file:
        assert file.read() == "cell 1\ncell 2\ncell 3\n"
    assert stdout.text.count("\n") == 5


CELLS = ["""
import sys
import asyncwb.sync as wb
run = wb.init("p", mode="offline")
print("cell 1")
print("error 1", file=sys.stderr)
""", """
print("cell 2")
""", """
print("cell 3")
run.finish()
print("not part of it")
import json
result = json.dumps(open(f"{run.dir}/output.log").read())
"""]  # fmt: skip


def test_cells_of_ipython_itself(tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    script = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in {CELLS!r}:
    shell.run_cell(cell).raise_error()
print("RESULT " + shell.user_ns["result"])
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False,
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.split("RESULT ")[1])
    assert sorted(result.splitlines()) == ["cell 1", "cell 2", "cell 3", "error 1"]
