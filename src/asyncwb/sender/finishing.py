"""The files that a run gets at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb import jsonx
from asyncwb.sender.yamltext import to_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.sender.fold import Fold

__all__ = ["write_final_files"]


def write_final_files(fold: Fold, folder: Path, *, summary: bool) -> list[str]:
    """Write `wandb-summary.json` and `config.yaml`, and metadata that nobody wrote yet. Blocks.

    The run has one of each, that of its primary writer.

    Args:
        fold: The journal, read to its end.
        folder: Where the run's files are.
        summary: Whether the summary is known to be the latest.

    Returns:
        Names of the files to upload, `output.log` among them where there is one.

    Raises:
        OSError: The folder cannot be written.
    """
    if not fold.writer.primary:
        return [name for name in ("output.log",) if (folder / name).exists()]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(to_yaml(fold.config.wire()), encoding="utf-8")
    names = ["config.yaml"]
    if summary:
        (folder / "wandb-summary.json").write_bytes(fold.summary.line())
        names.append("wandb-summary.json")
    metadata = folder / "wandb-metadata.json"
    if fold.config.environments and not metadata.exists():
        first = next(iter(fold.config.environments.values()))
        metadata.write_bytes(jsonx.encode(first))
    names += [n for n in ("wandb-metadata.json", "output.log") if (folder / n).exists()]
    return names
