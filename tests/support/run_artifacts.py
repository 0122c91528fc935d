"""Artifacts of runs: drafts to log, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.folders import staging_root

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.api import Api

__all__ = ["contents", "copies", "draft", "inputs", "outputs", "versions"]


def draft(name: str, kind: str = "dataset", /, **files: str) -> Artifact:
    """A draft with these files."""
    artifact = Artifact(name, kind)
    for path, text in files.items():
        with artifact.new_file(path) as file:
            file.write(text)
    return artifact


async def contents(version: Artifact) -> dict[str, str]:
    """The files of a version, as anybody would get them; checked against their digests."""
    root = await version.download(skip_cache=True)
    await version.verify(root)
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file()
    }


async def versions(api: Api, name: str, kind: str = "dataset") -> list[dict[str, str]]:
    """The files of every version of a collection, oldest first."""
    listed = [one async for one in api.artifacts(kind, name)]
    assert sorted(one.version for one in listed) == sorted(f"v{n}" for n in range(len(listed)))
    return [await contents(one) for one in sorted(listed, key=lambda one: int(one.version[1:]))]


def copies() -> list[Path]:
    """What is left of the copies that waited for an upload."""
    root = staging_root()
    return list(root.iterdir()) if root.exists() else []


async def outputs(api: Api, path: str) -> list[str]:
    """Names of what a run logged."""
    return sorted([one.name async for one in (await api.run(path)).logged_artifacts()])


async def inputs(api: Api, path: str) -> list[str]:
    """Names of what a run used."""
    return sorted([one.name async for one in (await api.run(path)).used_artifacts()])
