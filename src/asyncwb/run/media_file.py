"""Files that a logged value refers to: their place in the run's folder, and what says so."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncwb.run.core import RunCore

__all__ = ["keep_file"]

_DIGEST_SHOWN = 20


def keep_file(
    core: RunCore, content: bytes | Path, *, kind: str, name: str, suffix: str
) -> dict[str, Any]:
    """Copy a file into the run's folder and ask for its upload. Blocks for the disk.

    Args:
        core: The run.
        content: The bytes, or the file that holds them.
        kind: The folder below `media`.
        name: Start of the file's name, safe to use in one.
        suffix: End of the file's name, with its dot.

    Returns:
        The members `path`, `sha256` and `size` of the value.

    Raises:
        OSError: The file cannot be read, or not be written.
    """
    if isinstance(content, Path):
        with content.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    else:
        digest = hashlib.sha256(content).hexdigest()
    path = f"media/{kind}/{name}_{digest[:_DIGEST_SHOWN]}{suffix}"
    target = core.folder.files_path / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content)
    core.recorder.files([path], policy="now", kind="media")
    return {"sha256": digest, "size": target.stat().st_size, "path": path}
