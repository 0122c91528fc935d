"""Media of a run of the read side: what rows say of them, and their files."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

from asyncwb.api.files import Files
from asyncwb.api.history import HistoryScan
from asyncwb.errors import CommError, UnsupportedError
from asyncwb.media.base import library
from asyncwb.portal import on_loop
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from pathlib import Path

    from asyncwb.api.files import File
    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.service import Service

__all__ = ["MediaValue", "RunMediaMethods"]

# Lists that have a type of their own -> where the values are that they are made of.
_LISTS = {"audio": "audio", "videos": "videos", "html": "html", "object3D": "objects"}


class MediaValue:
    """One media value that a run logged, with its file.

    Attributes:
        key: Name under which it was logged.
        step: Step of its row.
        type: What it is, as the protocol has it: "image-file", "audio-file", "video-file" ...
        caption: Text shown with it.
        path: Name of its file in the run.
        json: All that the row says of it; width, height, masks, boxes and the like.
    """

    def __init__(
        self, service: Service, address: RunAddress, key: str, step: int, json: dict[str, Any]
    ) -> None:
        self._service = service
        self._address = address
        self.key: str = key
        self.step: int = step
        self.type: str = json["_type"]
        self.caption: str | None = json.get("caption") or None
        self.path: str = json["path"]
        self.json: dict[str, Any] = json

    def __repr__(self) -> str:
        return f"<MediaValue {self.key} at step {self.step}: {self.path}>"

    @on_loop
    async def read(self) -> bytes:
        """Get the file into memory.

        Raises:
            CommError: The run has no such file, or the server was not reached.
        """
        return await (await self._file()).read()

    @on_loop
    async def download(
        self, root: str | os.PathLike[str] = ".", *, replace: bool = False, exist_ok: bool = False
    ) -> Path:
        """Write the file under a folder, at its path; folders are made as needed.

        Args:
            root: The folder.
            replace: Overwrite a file that is there.
            exist_ok: Leave a file that is there as it is.

        Returns:
            Where the file is.

        Raises:
            UsageError: The file is there and neither flag is given, or it cannot be written.
            CommError: The run has no such file, or the server was not reached.
        """
        file = await self._file()
        return await file.download(root, replace=replace, exist_ok=exist_ok)

    @on_loop
    async def image(self) -> Any:
        """The image as one of Pillow, loaded.

        Raises:
            UnsupportedError: It is no image, or Pillow is not installed.
            CommError: The run has no such file, or the server was not reached.
        """
        if self.type != "image-file":
            raise UnsupportedError(f"{self!r} is no image but a {self.type}")
        pil = library("PIL.Image", "pillow", "MediaValue.image()")
        return await offload(_opened, pil, await self.read())

    @on_loop
    async def array(self) -> Any:
        """The image as a numpy array (height, width) or (height, width, channels).

        Raises:
            UnsupportedError: It is no image, or Pillow is not installed.
            CommError: The run has no such file, or the server was not reached.
        """
        image = await self.image()
        import numpy as np

        return await offload(np.asarray, image)

    async def _file(self) -> File:
        files = Files(self._service, self._address, names=[self.path], pattern=None, per_page=1)
        try:
            return await files.get(0)
        except IndexError as exc:
            raise CommError(f"{self._address} has no file {self.path!r}", exc=exc) from exc


class RunMediaMethods:
    """The media of a run."""

    _service: Service
    _address: RunAddress

    @on_loop
    async def media(self, key: str) -> list[MediaValue]:
        """Everything with a file that was logged under a key, by step; loads no file.

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
        return found


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
    elif isinstance(kind, str) and isinstance(found.get("path"), str):
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


def _opened(pil: Any, data: bytes) -> Any:
    image = pil.open(BytesIO(data))
    image.load()
    return image
