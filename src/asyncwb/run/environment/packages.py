"""The packages that are installed, as `requirements.txt` lists them.

It has what `importlib.metadata` finds on the search path; to import that takes longer than to look.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["requirements"]

# With what follows: the half of one, at the end of what was read, is none.
_NAME = re.compile(rb"^Name:[ \t]*(\S+)\s", re.MULTILINE | re.IGNORECASE)
_VERSION = re.compile(rb"^Version:[ \t]*(\S+)\s", re.MULTILINE | re.IGNORECASE)
_FILES = ("METADATA", "PKG-INFO", "")
"""Where a package says what it is; the last one is for an `.egg-info` that is a file itself."""
_IN_ARCHIVE = re.compile(r"(EGG-INFO|[^/]+\.(dist|egg)-info)/(METADATA|PKG-INFO)", re.IGNORECASE)
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
# Name and version are among the first lines.
_HEAD_BYTES = 1024
_MOST_BYTES = 1 << 20


def requirements(pause: Callable[[], None]) -> str:
    """List what is installed, one `name==version` a line, in the order of the search path.

    Args:
        pause: Called before each package: a look at all of them is a thousand system calls, after
            each of which a thread that computes has to give way.
    """
    lines: dict[str, None] = {}
    for folder in sys.path:
        found = _in_archive(folder) if os.path.isfile(folder) else _in_folder(folder, pause)
        lines.update(dict.fromkeys(found))
    return "".join(f"{line}\n" for line in lines)


def _in_folder(folder: str, pause: Callable[[], None]) -> Iterator[str]:
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return
    for name in names:
        low = name.lower()
        of_egg = low == "egg-info" and folder.lower().endswith(".egg")
        if of_egg or low.endswith((".dist-info", ".egg-info")):
            pause()
            line = _line(os.path.join(folder, name))
            if line is not None:
                yield line


def _line(place: str) -> str | None:
    for name in _FILES:
        path = os.path.join(place, name) if name else place
        try:
            found = _parse(_read(path, _HEAD_BYTES)) or _parse(_read(path, _MOST_BYTES) + b"\n")
        except OSError:
            continue  # no such file
        if found is not None:
            return found
    return None


def _parse(text: bytes) -> str | None:
    name, version = _NAME.search(text), _VERSION.search(text)
    if name is None or version is None:
        return None
    return f"{name[1].decode(errors='replace')}=={version[1].decode(errors='replace')}"


def _read(path: str, size: int) -> bytes:
    """Read the beginning of a file: with three system calls, where `open` makes seven."""
    fd = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        return os.read(fd, size)
    finally:
        os.close(fd)


def _in_archive(path: str) -> Iterator[str]:
    import zipfile

    # Python skips what it cannot import from.
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        for name in filter(_IN_ARCHIVE.fullmatch, archive.namelist()):
            line = _parse(archive.read(name) + b"\n")
            if line is not None:
                yield line
