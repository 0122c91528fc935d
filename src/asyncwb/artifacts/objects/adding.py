"""Values on their way into a draft. Everything here blocks."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, Any

from asyncwb.artifacts.names import check_path
from asyncwb.artifacts.references.adding import local_entries, remote_entries
from asyncwb.artifacts.references.places import Wanted
from asyncwb.artifacts.references.versions import known_entry
from asyncwb.errors import InvalidValueError
from asyncwb.media.base import Media
from asyncwb.media.files import in_turns
from asyncwb.media.stored import StoredObject, object_path
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asyncwb.artifacts.contents import Contents
    from asyncwb.artifacts.digest import Hasher
    from asyncwb.artifacts.manifest import ManifestEntry
    from asyncwb.media.content import Content
    from asyncwb.media.stored import Origin

__all__ = ["ADDABLE", "ObjectWriter", "check_addable"]

ADDABLE = frozenset(
    {
        "table", "joined-table", "partitioned-table", "classes", "mask", "boxes2D", "image-file",
        "audio-file", "video-file", "html-file", "object3D-file", "molecule-file", "bokeh-file",
    }
)  # fmt: skip
"""Types whose values can be objects of an artifact."""

# Values whose name in the artifact is made of their content.
_NAMED_BY_CONTENT = "media/tables/"
_POINTS = ".pts.json"
_SHORT = 20


def check_addable(value: object) -> Media:
    """Check that a value can be an object of an artifact.

    Raises:
        InvalidValueError: It cannot.
    """
    if not isinstance(value, Media) or value.json_type not in ADDABLE:
        raise InvalidValueError(
            "an artifact takes in tables, images, sounds, videos, documents, point clouds, "
            f"molecules and classes with add(), got {type(value).__name__}; add_file() takes files"
        )
    contents = value.contents()
    if value.json_type == "object3D-file" and contents and contents[0].suffix != _POINTS:
        raise InvalidValueError(
            "only point clouds can be added to an artifact; add the file of a model with add_file()"
        )
    return value


class ObjectWriter:
    """Puts values into a draft; the `ObjectPlace` of media.

    Args:
        contents: The draft's.
        refers: Whether what a run has logged already becomes a reference to that.
    """

    def __init__(self, contents: Contents, *, refers: bool = False) -> None:
        self._contents = contents
        self._refers = refers
        # Kept, so that no other value gets the same id.
        self._put: dict[int, tuple[object, StoredObject]] = {}

    def put(self, value: Media, name: str, *, overwrite: bool = False) -> StoredObject:
        """Write a value as a file of its own; once, however often it is put.

        Args:
            value: The value, as it was logged.
            name: Its path, with or without the suffix of its type.
            overwrite: Whether it takes the place of what has this path.

        Raises:
            InvalidValueError: The name leads out of the artifact.
        """
        same: object = getattr(value, "origin_table", value)
        known = self._put.get(id(same))
        if known is not None:
            return known[1]
        path = check_path(object_path(type(value), name))
        there = self._contents.manifest.entries.get(path)
        if value.origin is not None:
            entry = known_entry(value.origin, path)
            self._contents.add_entries([entry])
        elif there is not None and not overwrite:
            return StoredObject(there.path, there.digest)
        elif self._refers and there is None and (logged := value.stored_elsewhere()) is not None:
            entry = known_entry(logged, path)
            self._contents.add_entries([entry])
        else:
            by_content = path.startswith(_NAMED_BY_CONTENT)
            entry = self._write(
                value.stored_pieces(self), path, is_tmp=by_content, overwrite=overwrite
            )
        stored = StoredObject(entry.path, entry.digest)
        self._put[id(same)] = same, stored
        return stored

    def put_file(self, data: bytes, name: str) -> str:
        """Write a file that is named by its content; returns its path."""
        return self._write([data], name, is_tmp=True).path

    def has(self, path: str) -> bool:
        """Whether a path is in the artifact."""
        return path in self._contents.manifest.entries

    def refer(self, origin: Origin, name: str) -> str:
        """Refer to a file of another version; returns the path."""
        entry = known_entry(origin, name)
        self._contents.add_entries([entry])
        return entry.path

    def came_from(self, origin: Origin) -> dict[str, Any]:
        """Nothing: there, the whole value is a reference."""
        del origin
        return {}

    def publish(self, value: Media) -> dict[str, Any]:
        """The JSON of a value inside of another one."""
        return value.stored_json(self)

    def label(self, kind: str, name: str, labels: Mapping[Any, str]) -> None:
        """Nothing: in an artifact, labels lie beside the image."""

    def add(self, content: Content, folder: str) -> dict[str, Any]:
        """Put a file of a value into the draft; see `Place`."""
        if content.origin is not None:
            digest = _file_digest(content)
            return {"path": self.refer(content.origin, content.origin.path), "sha256": digest}
        if content.uri is not None:
            return self._refer_elsewhere(content.uri, content.name or "", folder)
        source = content.path
        if source is not None:
            digest = _file_digest(content)
            name = f"media/{folder}/{digest[:_SHORT]}/{source.name}"
            entry = self._contents.add_file(source, name)
            return {"path": entry.path, "sha256": digest}
        sha = hashlib.sha256()
        pieces = _hashed(content.pieces(), sha)
        entry = self._write(pieces, f"media/{folder}/file{content.suffix}", is_tmp=True)
        return {"path": entry.path, "sha256": sha.hexdigest()}

    def _refer_elsewhere(self, uri: str, name: str, folder: str) -> dict[str, Any]:
        """Refer to a file in a store or on the web, as it is there now."""
        digest = hashlib.sha256(uri.encode()).hexdigest()
        wanted = Wanted(uri, f"media/{folder}/{digest[:_SHORT]}/{name}")
        entries = local_entries(wanted) or PORTAL.call(remote_entries, wanted, None)
        self._contents.add_entries(entries)
        return {"path": entries[0].path, "sha256": digest}

    def _write(
        self, pieces: Iterable[bytes], path: str, *, is_tmp: bool = False, overwrite: bool = False
    ) -> ManifestEntry:
        place = self._contents.staging.place(posixpath.basename(path))
        with open(place, "wb") as file:
            file.writelines(in_turns(pieces))
        return self._contents.add_file(
            place, path, is_tmp=is_tmp, policy="immutable", overwrite=overwrite
        )


def _hashed(pieces: Iterable[bytes], digest: Hasher) -> Iterator[bytes]:
    for piece in pieces:
        digest.update(piece)
        yield piece


def _file_digest(content: Content) -> str:
    digest = hashlib.sha256()
    for piece in content.pieces():
        digest.update(piece)
    return digest.hexdigest()
