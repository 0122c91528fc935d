"""Where artifacts lie on this machine."""

from __future__ import annotations

from pathlib import Path

from asyncwb.settings import resolve

__all__ = ["cache_root", "download_root", "staging_root"]


def staging_root() -> Path:
    """Folder of copies that wait for their upload: in the `data_dir` of environment and files."""
    data = resolve({}).data_dir
    return _folder(data, ".local/share/wandb") / "artifacts" / "staging"


def cache_root(cache_dir: str | None) -> Path:
    """Folder of the cache, by the setting `cache_dir`."""
    return _folder(cache_dir, ".cache/wandb") / "artifacts"


def download_root(artifact_dir: str | None) -> Path:
    """Folder that downloads go to unless told otherwise, by the setting `artifact_dir`."""
    return Path(artifact_dir or "artifacts")


def _folder(given: str | None, default: str) -> Path:
    return Path(given).expanduser() if given else Path.home() / default
