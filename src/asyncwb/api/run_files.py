"""Files of a run of the read side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.api.files import File, Files, upload
from asyncwb.errors import CommError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.service import Service

__all__ = ["RunFileMethods"]


class RunFileMethods:
    """What a run saved."""

    _service: Service
    _address: RunAddress

    def files(
        self,
        names: Sequence[str] | None = None,
        pattern: str | None = None,
        per_page: int = 50,
        *,
        limit: int | None = None,
    ) -> Files:
        """Files of the run: `async for file in run.files()`.

        Args:
            names: Only these.
            pattern: Only names like this; `%` stands for any text, `_` for one character.
            per_page: Files asked for at once.
            limit: Number of files at most.

        Raises:
            InvalidValueError: Names and a pattern, or a page size below 1.
        """
        return Files(
            self._service,
            self._address,
            names=names,
            pattern=pattern,
            per_page=per_page,
            limit=limit,
        )

    @on_loop
    async def file(self, name: str) -> File:
        """One file by its name.

        Raises:
            CommError: There is none of that name, or the server was not reached.
        """
        try:
            return await self.files([name]).get(0)
        except IndexError as exc:
            raise CommError(f"{self._address} has no file {name!r}", exc=exc) from exc

    @on_loop
    async def upload_file(
        self, path: str | os.PathLike[str], root: str | os.PathLike[str] = "."
    ) -> File:
        """Upload one file, also to a run that has ended.

        Args:
            path: The file.
            root: The file is named by its path relative to this folder.

        Raises:
            InvalidValueError: The file cannot be read or does not lie under `root`.
            CommError: The server refused or was not reached.
        """
        return await upload(self._service, self._address, Path(path), Path(root))

    @on_loop
    async def metadata(self) -> dict[str, Any] | None:  # sync: property
        """What the run recorded of its machine (`wandb-metadata.json`); None where it is missing.

        Raises:
            CommError: The server was not reached.
        """
        try:
            file = await self.files(["wandb-metadata.json"]).get(0)
        except IndexError:
            return None
        value = jsonx.decode(await file.read())
        return cast("dict[str, Any]", value) if isinstance(value, dict) else None
