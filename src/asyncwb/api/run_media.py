"""The media of a run of the read side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import anyio

from asyncwb.api.files import Files
from asyncwb.api.history import HistoryScan
from asyncwb.api.media import MediaValue
from asyncwb.portal import on_loop
from asyncwb.portal.groups import first_of

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from asyncwb.api.files import File
    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.service import Service

__all__ = ["RunMediaMethods"]

# Lists that have a type of their own -> where the values are that they are made of.
_LISTS = {"audio": "audio", "videos": "videos", "html": "html", "object3D": "objects"}
_PLACES = frozenset({"path", "artifact_path"})
_AT_ONCE, _NAMES = 8, 50


class RunMediaMethods:
    """The media of a run."""

    _service: Service
    _address: RunAddress

    @on_loop
    async def media(self, key: str) -> list[MediaValue]:
        """All media that were logged under a key, by step; loads no file.

        Of lists, such as those of images, each value is one.

        Args:
            key: The key; dots lead into nested values.

        Raises:
            CommError: The server refused or was not reached.
        """
        found: list[MediaValue] = []
        rows = HistoryScan(
            self._service, self._address, keys=[key], page_size=1000, min_step=0, max_step=None
        )
        async for row in rows:
            step = cast("int", row["_step"])
            found += [
                MediaValue(self._service, self._address, key, step, value)
                for value in _values(row.get(key))
            ]
        found.sort(key=lambda one: one.step)
        return found

    @on_loop
    async def download_media(
        self, key: str, root: str | os.PathLike[str] = ".", *, replace: bool = False
    ) -> list[Path]:
        """Download the files of all media under a key, several at a time.

        Args:
            key: The key; dots lead into nested values.
            root: The folder; files lie at their paths below it.
            replace: Overwrite files that are there, rather than keeping them.

        Returns:
            Where they are, by step. A file that several values share is one.

        Raises:
            UsageError: A file cannot be written.
            CommError: The server refused or was not reached.
        """
        names = list(dict.fromkeys(one.path for one in await self.media(key) if one.path))
        places: dict[str, Path] = {}
        limiter = anyio.CapacityLimiter(_AT_ONCE)

        async def fetch(file: File) -> None:
            async with limiter:
                places[file.name] = await file.download(root, replace=replace, exist_ok=True)

        try:
            async with anyio.create_task_group() as group:
                for start in range(0, len(names), _NAMES):
                    some = names[start : start + _NAMES]
                    files = Files(
                        self._service, self._address, names=some, pattern=None, per_page=_NAMES
                    )
                    async for file in files:
                        group.start_soon(fetch, file)
        except BaseExceptionGroup as together:
            # What ended one ended all: the caller gets it as it was raised.
            raise first_of(together) from None
        return [places[name] for name in names if name in places]


def _values(value: Any) -> Iterator[dict[str, Any]]:
    """The values with a file of their own in one of a row."""
    if isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _values(item)
    if not isinstance(value, dict):
        return
    found = cast("dict[str, Any]", value)
    kind = found.get("_type")
    if kind == "images/separated":
        yield from _images(found)
    elif kind == "molecule":
        captions = found.get("captions") or [None] * len(found["filenames"])
        for path, caption in zip(found["filenames"], captions, strict=False):
            yield {"_type": "molecule-file", "path": path, "caption": caption}
    elif isinstance(kind, str) and kind in _LISTS:
        yield from _values(found.get(_LISTS[kind]))
    elif kind == "histogram" or (isinstance(kind, str) and found.keys() & _PLACES):
        yield found


def _images(together: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The images of a list, each as if it were alone."""
    shared: dict[str, Any] = {name: together.get(name) for name in ("format", "width", "height")}
    own = {"caption": "captions", "masks": "all_masks", "boxes": "all_boxes"}
    for number, path in enumerate(together["filenames"]):
        one: dict[str, Any] = {**shared, "_type": "image-file", "path": path}
        for name, many in own.items():
            values = together.get(many)
            if values and number < len(values) and values[number] is not None:
                one[name] = values[number]
        yield one
