"""A place for the files of media that keeps them in memory."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.media.content import Content
    from asyncwb.media.stored import Origin


class MemoryPlace:
    """Keeps files by path, and class labels by kind and name."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.labels: dict[tuple[str, str], dict[Any, str]] = {}

    def add(self, content: Content, folder: str) -> dict[str, Any]:
        data = b"".join(content.pieces())
        digest = hashlib.sha256(data).hexdigest()
        path = f"media/{folder}/{digest[:20]}{content.suffix}"
        self.files[path] = data
        return {"path": path, "sha256": digest, "size": len(data)}

    def came_from(self, origin: Origin) -> dict[str, Any]:
        return {"artifact_path": origin.ref_url()}

    def label(self, kind: str, name: str, labels: Mapping[Any, str]) -> None:
        self.labels[kind, name] = dict(labels)


def encoded(media: Any) -> bytes:
    """The one file of a media value."""
    place = MemoryPlace()
    media.to_json(place)
    (data,) = place.files.values()
    return data
