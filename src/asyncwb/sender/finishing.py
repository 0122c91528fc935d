"""The files that a run gets at its end."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from asyncwb.journal.metadata import metadata_json
from asyncwb.sender.yamltext import to_yaml
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.sender.fold import Fold

__all__ = ["final_files"]

log = logging.getLogger("asyncwb.sender")


async def final_files(fold: Fold, folder: Path, *, summary: bool) -> list[str]:
    """Write `wandb-summary.json` and `config.yaml`, and metadata that nobody wrote yet.

    Args:
        fold: The journal, read to its end.
        folder: Where the run's files are.
        summary: Whether the summary is known to be the latest.

    Returns:
        Names of the files to upload; none where the folder cannot be written.
    """
    try:
        return await offload(_write_all, fold, folder, summary=summary)
    except OSError as exc:
        log.warning("summary and config files cannot be written: %s", exc)
        return []


def _write_all(fold: Fold, folder: Path, *, summary: bool) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / "config.yaml", to_yaml(fold.config.wire()).encode())
    names = ["config.yaml"]
    if summary:
        _write(folder / "wandb-summary.json", fold.summary.line())
        names.append("wandb-summary.json")
    metadata = folder / "wandb-metadata.json"
    if fold.environment is not None and not metadata.exists():
        _write(metadata, metadata_json(fold.environment))
    if metadata.exists():
        names.append(metadata.name)
    return names


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one step. What is there may be a link to a file of the user's own."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
