"""`resume="auto"`: the id of a run that did not end well, kept for the next start.

The file is the one that the wandb package uses: `wandb/wandb-resume.json` below the root folder,
`{"run_id": "..."}`. It is there while the run lives and after it failed or was killed.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from asyncwb.errors import InvalidValueError
from asyncwb.settings.checks import check_run_id

__all__ = ["forget_run", "remember_run", "remembered_run"]


class _Memory(msgspec.Struct):
    run_id: str


def _path(root_dir: str) -> Path:
    return Path(root_dir).expanduser().absolute() / "wandb" / "wandb-resume.json"


def remembered_run(root_dir: str) -> str | None:
    """The id to go on with; None without a readable file."""
    try:
        memory = msgspec.json.decode(_path(root_dir).read_bytes(), type=_Memory)
        check_run_id(memory.run_id)
    except (OSError, msgspec.MsgspecError, InvalidValueError):
        return None
    return memory.run_id


def remember_run(root_dir: str, run_id: str) -> None:
    """Keep the id, at every moment whole; where nothing can be written, nothing is kept."""
    path = _path(root_dir)
    fresh = path.with_name(f".{path.name}-{run_id}")
    with contextlib.suppress(OSError):
        fresh.write_bytes(msgspec.json.encode(_Memory(run_id)))
        os.replace(fresh, path)


def forget_run(root_dir: str, run_id: str) -> None:
    """Drop the id after a clean end, unless another run has taken the place."""
    if remembered_run(root_dir) == run_id:
        _path(root_dir).unlink(missing_ok=True)
