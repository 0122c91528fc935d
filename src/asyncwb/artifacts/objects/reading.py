"""Objects of a version: finding them, bringing their files here, making values of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.artifacts.entry import ARTIFACT_SCHEME, ArtifactEntry
from asyncwb.artifacts.objects.adding import ADDABLE
from asyncwb.errors import ProtocolError
from asyncwb.media.reading import value_of
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from asyncwb.artifacts.manifest import Manifest, ManifestEntry
    from asyncwb.artifacts.reading import ArtifactReading
    from asyncwb.media.base import Media
    from asyncwb.media.stored import Origin

__all__ = ["VersionShelf", "object_entry", "read_object"]

_OBJECT_SUFFIXES = tuple(f"{kind}.json" for kind in sorted(ADDABLE))


def object_entry(manifest: Manifest, name: str) -> ManifestEntry | None:
    """The entry of an object, by the name that it was added under."""
    for suffix in _OBJECT_SUFFIXES:
        path = name if name.endswith(suffix) else f"{name}.{suffix}"
        entry = manifest.entries.get(path)
        if entry is not None:
            return entry
    return None


async def read_object(artifact: ArtifactReading, entry: ManifestEntry) -> Media | None:
    """Bring an object of a version here, with all that it refers to. In the loop.

    Returns:
        The value; None where it is of a type that nobody knows.
    """
    shelf = VersionShelf(artifact, await artifact.load())
    await shelf.bring([entry.path])
    return await PORTAL.in_thread(shelf.object, entry.path)


class VersionShelf:
    """The files of one version that are here; the `Shelf` of media.

    Args:
        artifact: The version.
        manifest: What it holds.
    """

    def __init__(self, artifact: ArtifactReading, manifest: Manifest) -> None:
        self._artifact = artifact
        self._entries = manifest.entries
        self._files: dict[str, Path] = {}
        # Objects of other versions that this one refers to.
        self._elsewhere: dict[str, Media | None] = {}
        self._made: dict[str, Media | None] = {}

    async def bring(self, paths: Iterable[str]) -> None:
        """Fetch objects, and then what their JSON refers to, until nothing is missing."""
        wanted = [path for path in dict.fromkeys(paths) if not self._is_here(path)]
        while wanted:
            mine: list[ManifestEntry] = []
            for path in wanted:
                entry = self._entries[path]
                if _is_object(path) and (entry.ref or "").startswith(f"{ARTIFACT_SCHEME}:"):
                    self._elsewhere[path] = await self._fetch_elsewhere(entry)
                else:
                    mine.append(entry)
            if mine:
                folder = await self._artifact._fetch(mine, None)  # pyright: ignore[reportPrivateUsage]
                self._files |= {entry.path: folder / entry.path for entry in mine}
            objects = [entry.path for entry in mine if _is_object(entry.path)]
            found = await PORTAL.in_thread(self._referred, objects)
            wanted = [path for path in found if not self._is_here(path)]

    async def _fetch_elsewhere(self, entry: ManifestEntry) -> Media | None:
        from asyncwb.artifacts.artifact import Artifact
        from asyncwb.artifacts.references.versions import target_of

        target = target_of(entry.ref or "")
        service = self._artifact._remote("get()")  # pyright: ignore[reportPrivateUsage]
        other = await Artifact._from_id(service, target.artifact_id)  # pyright: ignore[reportPrivateUsage]
        if other is None:
            raise ProtocolError(f"{entry.path!r} refers to an artifact that is gone")
        theirs = (await other.load()).entries.get(target.path)
        return None if theirs is None else await read_object(other, theirs)

    def _is_here(self, path: str) -> bool:
        return path in self._files or path in self._elsewhere

    def _referred(self, objects: Sequence[str]) -> list[str]:
        """Paths that the JSON of objects names."""
        found: dict[str, None] = {}
        for path in objects:
            tree = self._json(path)
            found |= dict.fromkeys(_named(tree, self._entries))
            if "parts_path" in tree:
                found |= dict.fromkeys(self.below(str(tree["parts_path"])))
            if tree.get("log_mode") == "INCREMENTAL":
                found |= dict.fromkeys(one for one in self._entries if one.endswith(".table.json"))
        return list(found)

    def _json(self, path: str) -> dict[str, Any]:
        tree = jsonx.decode(self.file(path).read_bytes())
        if not isinstance(tree, dict):
            raise ProtocolError(f"{path!r} of the artifact is no object")
        return cast("dict[str, Any]", tree)

    # -- what media ask ---------------------------------------------------------------------

    def file(self, path: str) -> Path:
        """Where a file lies."""
        if path not in self._files:
            raise ProtocolError(f"the artifact has no file {path!r}, which an object of it names")
        return self._files[path]

    def origin(self, path: str) -> Origin:
        """The entry of a path."""
        return ArtifactEntry(self._artifact, self._entries[path])

    def object(self, path: str) -> Media | None:
        """The value of a path; None where there is none."""
        if path in self._elsewhere:
            return self._elsewhere[path]
        if path not in self._made and path in self._files:
            value = value_of(self._json(path), self)
            if value is not None:
                value.origin = self.origin(path)
            self._made[path] = value
        return self._made.get(path)

    def below(self, folder: str) -> Sequence[str]:
        """Paths below a folder; of the version itself: ""."""
        start = f"{folder.strip('/')}/" if folder.strip("/") else ""
        return sorted(path for path in self._entries if path.startswith(start))


def _is_object(path: str) -> bool:
    return path.endswith(_OBJECT_SUFFIXES)


def _named(tree: Any, entries: Mapping[str, ManifestEntry]) -> Iterable[str]:
    """Texts that are the value of a member somewhere, and the path of an entry."""
    if isinstance(tree, dict):
        for value in cast("dict[str, Any]", tree).values():
            if isinstance(value, str):
                if value in entries:
                    yield value
            else:
                yield from _named(value, entries)
    elif isinstance(tree, list):
        for item in cast("list[object]", tree):
            if isinstance(item, (dict, list)):
                yield from _named(item, entries)
