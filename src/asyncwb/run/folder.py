"""The folder of a run on disk, named as the `wandb` package names it.

wandb/
latest-run -> run-20261121_012006-1a2b3c4d
run-20261121_012006-1a2b3c4d/           `offline-run-...` when the run is offline
run-1a2b3c4d.wandb                    the journal
files/                                files of the run
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from time import localtime, strftime

import msgspec

__all__ = ["RunFolder", "make_folder", "name_folder", "remove_folder"]

_log = logging.getLogger("asyncwb.run")

_MOST_CLASHES = 100


class RunFolder(msgspec.Struct, frozen=True):
    """Where a run keeps its files.

    Attributes:
        path: The folder of the run.
        journal_path: The journal inside it.
        files_path: The folder of the run's files (`run.dir`).
    """

    path: Path
    journal_path: Path
    files_path: Path


def make_folder(root_dir: str, *, run_id: str, offline: bool, start_time: float) -> RunFolder:
    """Create the run's folder under `root_dir`/wandb; never raises.

    A folder that cannot be created is only named: the journal then finds that it cannot be
    opened, and stays in memory with one warning.

    Args:
        root_dir: The folder that holds, or will hold, `wandb/`.
        run_id: The checked id of the run.
        offline: Whether the name says so.
        start_time: Start of the run in Unix seconds; local time in the name.
    """
    root = Path(root_dir).expanduser().absolute() / "wandb"
    prefix = "offline-run" if offline else "run"
    folder = root
    for clash in range(_MOST_CLASHES):
        # Two runs of one id in one second: the later one takes the next free second.
        stamp = strftime("%Y%m%d_%H%M%S", localtime(start_time + clash))
        folder = root / f"{prefix}-{stamp}-{run_id}"
        try:
            root.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            continue
        except OSError as exc:
            _log.debug("the run folder %s cannot be created: %s", folder, exc)
            return _layout(folder, run_id)
        break
    layout = _layout(folder, run_id)
    try:
        layout.files_path.mkdir(exist_ok=True)
        _point_latest(root, folder.name)
    except OSError as exc:
        _log.debug("the run folder %s is incomplete: %s", folder, exc)
    return layout


def remove_folder(folder: RunFolder) -> None:
    """Remove the folder of a run that never came to be; never raises."""
    import shutil

    shutil.rmtree(folder.path, ignore_errors=True)
    link = folder.path.parent / "latest-run"
    with contextlib.suppress(OSError):
        if link.is_symlink() and not link.exists():
            link.unlink()


def name_folder(root_dir: str, run_id: str, start_time: float) -> RunFolder:
    """Name the folder that a run would have, without creating anything."""
    stamp = strftime("%Y%m%d_%H%M%S", localtime(start_time))
    root = Path(root_dir).expanduser().absolute() / "wandb"
    return _layout(root / f"run-{stamp}-{run_id}", run_id)


def _layout(folder: Path, run_id: str) -> RunFolder:
    return RunFolder(folder, folder / f"run-{run_id}.wandb", folder / "files")


def _point_latest(root: Path, name: str) -> None:
    """Move the link `latest-run` to `name`, so that it exists at every moment."""
    link = root / "latest-run"
    if link.exists() and not link.is_symlink():
        return  # somebody's own folder: not ours to replace
    fresh = root / f".latest-run-{name}"
    fresh.symlink_to(name, target_is_directory=True)
    os.replace(fresh, link)
