"""Run folders on disk: ours, and those of the wandb package."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asyncwb.sender.offline import is_sent, lost_parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["RunDir", "find_runs", "read_run"]

_NAME = re.compile(r"(?P<offline>offline-)?run-(?P<start>\d{8}_\d{6})-(?P<id>.+)")


@dataclass(frozen=True, kw_only=True)
class RunDir:
    """One run folder.

    Attributes:
        path: The folder.
        journal: The journal in it.
        run_id: The id in its name.
        started: Start of the run in Unix seconds, from its name.
        offline: Whether the run was started offline.
        delivered: Whether a server has everything in it that can be read.
        lost: Parts of a delivered journal that could not be read; no server has them.
    """

    path: Path
    journal: Path
    run_id: str
    started: float
    offline: bool
    delivered: bool
    lost: int


def find_runs(folder: Path) -> Iterator[RunDir]:
    """The run folders in `folder`, or in the `wandb` folder in it, oldest first."""
    inner = folder / "wandb"
    root = inner if inner.is_dir() else folder
    try:
        entries = sorted(root.iterdir(), key=lambda path: path.name.removeprefix("offline-"))
    except OSError:
        return
    for path in entries:
        run = read_run(path)
        if run is not None:
            yield run


def read_run(path: Path) -> RunDir | None:
    """The run folder at `path`; None where there is none."""
    match = _NAME.fullmatch(path.name)
    if match is None or path.is_symlink():
        return None
    journal = path / f"run-{match['id']}.wandb"
    if not journal.is_file():
        return None
    return RunDir(
        path=path,
        journal=journal,
        run_id=match["id"],
        started=time.mktime(time.strptime(match["start"], "%Y%m%d_%H%M%S")),
        offline=match["offline"] is not None,
        delivered=is_sent(journal),
        lost=lost_parts(journal),
    )
