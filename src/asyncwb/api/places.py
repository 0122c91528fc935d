"""Where a downloaded file may lie."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from asyncwb.errors import InvalidValueError

__all__ = ["inside"]


def inside(root: Path, name: str) -> Path:
    """Where a file of that name goes; a server must not choose a place outside of `root`.

    A link at the place itself is no way out: a download replaces it. Reads the folders above it.

    Raises:
        InvalidValueError: The name points out of `root`.
    """
    pure = PurePosixPath(name)
    parts = pure.parts
    unsafe = (
        not parts
        or pure.is_absolute()
        or ".." in parts
        or any(char in name for char in "\\\0")
        or Path(name).drive
    )
    if unsafe:
        raise InvalidValueError(f"the file name {name!r} points out of the folder")
    target = root.joinpath(*parts)
    if not target.parent.resolve().is_relative_to(root.resolve()):
        raise InvalidValueError(f"the file name {name!r} leads out of the folder through a link")
    return target
