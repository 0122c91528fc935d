"""References to files of this machine, or of a file system that it shares. Blocks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from asyncwb.artifacts.contents import files_below
from asyncwb.artifacts.copying import copy_hashing
from asyncwb.artifacts.digest import bytes_digest, file_digest
from asyncwb.artifacts.manifest import ManifestEntry
from asyncwb.artifacts.names import check_path
from asyncwb.artifacts.references.places import check_digest
from asyncwb.errors import InvalidValueError

if TYPE_CHECKING:
    from asyncwb.artifacts.references.places import Wanted

__all__ = ["copy_file", "file_entries"]


def file_entries(wanted: Wanted) -> list[ManifestEntry]:
    """Entries for a file, or for every file below a folder.

    Raises:
        InvalidValueError: Nothing is there, it cannot be read, or there are too many files.
    """
    local = _local(wanted.uri)
    try:
        if os.path.isdir(local):
            found = files_below(local, wanted.name)
            if len(found) > wanted.max_objects:
                raise wanted.too_many()
            base = wanted.uri.rstrip("/")
            return [
                _entry(place, path, f"{base}/{Path(place).relative_to(local).as_posix()}", wanted)
                for place, path in found
            ]
        if os.path.isfile(local):
            path = check_path(wanted.name or os.path.basename(local))
            return [_entry(local, path, wanted.uri, wanted)]
    except OSError as exc:
        raise InvalidValueError(f"{local!r} cannot be read: {exc}", exc=exc) from exc
    raise InvalidValueError(f"{wanted.uri!r} is no file and no folder")


def copy_file(entry: ManifestEntry, draft: Path) -> None:
    """Copy the file of an entry to a new one.

    Raises:
        FileNotFoundError: The file is gone.
        DigestMismatchError: It has other content now.
        OSError: It cannot be read, or the copy not be written.
    """
    assert entry.ref is not None
    local = _local(entry.ref)
    if not os.path.isfile(local):
        raise FileNotFoundError(f"{entry.path!r} refers to {entry.ref}, which is gone")
    digest, _ = copy_hashing(local, str(draft), entry.algorithm, read_only=False)
    if entry.digest != _name_digest(local):
        check_digest(entry, digest)


def _entry(local: str, path: str, ref: str, wanted: Wanted) -> ManifestEntry:
    if wanted.checksum:
        digest, size = file_digest(local)
    else:
        digest, size = _name_digest(local), os.path.getsize(local)
    return ManifestEntry(path=path, digest=digest, ref=ref, size=size)


def _name_digest(local: str) -> str:
    """The digest of a file whose content is not looked at: that of its absolute URI."""
    return bytes_digest(Path(local).resolve().as_uri().encode())


def _local(uri: str) -> str:
    """Where a `file:` URI points to; "%" in it stands for itself where that is a file's name."""
    parts = urlsplit(uri, allow_fragments=False)
    if parts.netloc not in ("", "localhost"):
        raise InvalidValueError(f"{uri!r} names a host: a file reference has three slashes")
    plain = uri.removeprefix("file://").removeprefix("localhost")
    if os.name != "nt" and ("%" not in plain or os.path.exists(plain)):
        return plain
    return url2pathname(parts.path) if os.name == "nt" else unquote(parts.path)
