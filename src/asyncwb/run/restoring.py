"""Gets a file of a run back, from its folder or from the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from asyncwb.errors import InvalidValueError, UsageError
from asyncwb.portal import PORTAL
from asyncwb.run.context import current_run
from asyncwb.settings import resolve
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["restore", "restore_file"]

_NO_SUCH_FILE = "0"
"""The digest that a server gives for a name that it does not know."""


async def restore(  # sync: here
    name: str,
    run_path: str | None = None,
    replace: bool = False,
    root: str | os.PathLike[str] | None = None,
) -> TextIO | None:
    """Open a file of a run, after downloading it where needed; see `Run.restore`.

    Args:
        name: The file's path in the run's folder.
        run_path: `entity/project/run_id`; None: the current run.
        replace: Download even if the file is there already.
        root: The folder to put it in; None: the current run's `dir`, without one the working
            directory.

    Returns:
        The file, open for reading as text; None when the run has no such file.

    Raises:
        InvalidValueError: No current run and no `run_path`, a name that leads out, or the server
            says that it knows no such file (also a ValueError).
        RunNotFoundError: There is no such run (also a ValueError).
        UsageError: The file cannot be read or written.
        CommError: The server refused or was not reached.
    """
    run = current_run()
    if run is not None:
        return await run.restore(name, run_path, replace, root)
    if run_path is None:
        raise InvalidValueError("restore() needs run_path where no run is under way")
    return await restore_file(
        name,
        run_path,
        replace=replace,
        root=os.getcwd() if root is None else root,
        settings=resolve(),
    )


async def restore_file(
    name: str,
    run_path: str | None,
    *,
    replace: bool,
    root: str | os.PathLike[str],
    settings: Settings | None,
) -> TextIO | None:
    """Open `name` below `root`.

    Args:
        name: The file's path in the run's folder.
        run_path: The run; None: no server is asked.
        replace: Download even if it is there.
        root: The folder.
        settings: Those of the server; None: no server is asked.
    """
    from asyncwb.api.places import inside

    target = await PORTAL.in_thread(inside, Path(root), name)
    if not replace:
        found = await PORTAL.in_thread(_open, target)
        if found is not None:
            return found
    if run_path is None or settings is None:
        return None
    return await PORTAL.acall(_download, name, run_path, Path(root), settings)


async def _download(name: str, run_path: str, root: Path, settings: Settings) -> TextIO | None:
    """Get the file; in the loop."""
    from asyncwb.api import Api

    run = await Api(settings=settings).run(run_path)
    async for file in run.files(names=[name]):
        if file.md5 == _NO_SUCH_FILE:
            raise InvalidValueError(f"the run {run_path} has no file {name!r}")
        if file.name == name:
            return await offload(_open, await file.download(root, replace=True))
    return None


def _open(path: Path) -> TextIO | None:
    try:
        return path.open(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}", exc=exc) from exc
