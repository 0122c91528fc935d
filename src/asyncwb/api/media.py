"""A media value that a run logged: its row, its files, and what they hold."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncwb.api.fields import unwrap_config
from asyncwb.api.files import Files
from asyncwb.api.media_loading import (
    TABLES,
    array_of,
    files_named,
    has_overlays,
    load_value,
    media_folder,
    table_of_artifact,
    table_of_file,
)
from asyncwb.errors import CommError, UnsupportedError
from asyncwb.media.base import library
from asyncwb.media.tables.table import Table
from asyncwb.portal import PORTAL, on_loop
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from asyncwb.api.files import File
    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.service import Service
    from asyncwb.media.base import Media

__all__ = ["MediaValue"]


class MediaValue:
    """One media value that a run logged, with its file.

    Attributes:
        key: Name under which it was logged.
        step: Step of its row.
        type: What it is, as the protocol has it: "image-file", "audio-file", "video-file" ...
        caption: Text shown with it.
        path: Name of its file in the run; empty where it has none, as a histogram.
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
        self.path: str = json.get("path") or ""
        self.json: dict[str, Any] = json

    def __repr__(self) -> str:
        where = f": {self.path}" if self.path else ""
        return f"<MediaValue {self.key} at step {self.step}, {self.type}{where}>"

    @on_loop
    async def read(self) -> bytes:
        """Get the file into memory.

        Raises:
            UnsupportedError: It has none.
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
        """What it holds as a numpy array.

        Returns:
            An image: (height, width) or (height, width, channels), uint8. A sound: (samples,) or
            (samples, channels), float64 from -1 to 1. A cloud of points: (n, 3), (n, 4) or (n, 6),
            float64. A histogram: its counts.

        Raises:
            UnsupportedError: It is something else, or Pillow or soundfile is not installed.
            CommError: The run has no such file, or the server was not reached.
        """
        data = await self.read() if self.path else b""
        return await PORTAL.in_thread(array_of, self.json, data)

    @on_loop
    async def table(self, *, whole: bool = True) -> Table:
        """The table, with the media in its cells.

        Args:
            whole: Whether it is read from the artifact that was logged with it: all rows, and
                media as objects. Otherwise from the file of the row: up to 10,000 rows, and
                texts in place of media.

        Raises:
            UnsupportedError: It is no table.
            CommError: The server does not have it, or was not reached.
        """
        if self.type not in TABLES:
            raise UnsupportedError(f"{self!r} is no table")
        if not whole:
            return await PORTAL.in_thread(table_of_file, await self.read())
        found = await table_of_artifact(self._service, self.json)
        if not isinstance(found, Table):
            raise UnsupportedError(f"{self!r} is no Table: load() gives it")
        return found

    @on_loop
    async def load(self, root: str | os.PathLike[str] | None = None) -> Media:
        """The value as it was logged, of its own class: `asyncwb.Image`, `Audio`, `Table` ...

        Its files are downloaded, those of masks included; it can be logged again, or added to an
        artifact.

        Args:
            root: Folder for the files, which has to stay while the value is used; None: one in
                the folder of the cache.

        Raises:
            UnsupportedError: There is no class for it, or a library for it is not installed.
            CommError: The run has no such file, or the server was not reached.
        """
        if self.type in TABLES:
            return await table_of_artifact(self._service, self.json)
        folder = media_folder(self._service, self._address) if root is None else Path(root)
        names = files_named(self.json)
        files = Files(self._service, self._address, names=names, pattern=None, per_page=50)
        if names:
            async for file in files:
                await file.download(folder, exist_ok=True)
        labels = await self._class_labels()
        return await PORTAL.in_thread(load_value, self.json, folder, self.key, labels)

    async def _class_labels(self) -> Mapping[str, Any]:
        if not has_overlays(self.json):
            return {}
        from asyncwb.api.run import fetch

        config = (await fetch(self._service, self._address)).config
        return unwrap_config(config or None).get("_wandb") or {}

    async def _file(self) -> File:
        if not self.path:
            raise UnsupportedError(f"{self!r} has no file: all of it is in `json`")
        files = Files(self._service, self._address, names=[self.path], pattern=None, per_page=1)
        try:
            return await files.get(0)
        except IndexError as exc:
            raise CommError(f"{self._address} has no file {self.path!r}", exc=exc) from exc


def _opened(pil: Any, data: bytes) -> Any:
    image = pil.open(BytesIO(data))
    image.load()
    return image
