"""Where artifacts lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["cache_root", "download_root", "staging_root"]


def staging_root(environ: Mapping[str, str] | None = None) -> Path:
    """Folder of copies that wait for their upload: in `WANDB_DATA_DIR`."""
    known = os.environ if environ is None else environ
    data = known.get("WANDB_DATA_DIR") or Path.home() / ".local" / "share" / "wandb"
    return Path(data) / "artifacts" / "staging"


def cache_root(environ: Mapping[str, str] | None = None) -> Path:
    """Folder of the cache: in `WANDB_CACHE_DIR`."""
    known = os.environ if environ is None else environ
    return Path(known.get("WANDB_CACHE_DIR") or Path.home() / ".cache" / "wandb") / "artifacts"


def download_root(environ: Mapping[str, str] | None = None) -> Path:
    """Folder that downloads go to unless told otherwise: `WANDB_ARTIFACT_DIR`, or `artifacts`."""
    known = os.environ if environ is None else environ
    return Path(known.get("WANDB_ARTIFACT_DIR") or "artifacts")
