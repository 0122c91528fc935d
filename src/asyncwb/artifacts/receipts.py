"""What was written into a download folder, so that the next download need not read it again.

A receipt says with which size and time of change a file was left. A file that still has both was
not touched since; any other one is hashed. Everything here blocks.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.artifacts.manifest import ManifestEntry

__all__ = ["Receipts"]


class Receipt(msgspec.Struct, array_like=True, gc=False):
    """State of a file as it was left: digest, bytes, time of change in nanoseconds."""

    digest: str
    size: int
    changed: int


_decoder = msgspec.json.Decoder(dict[str, Receipt])


class Receipts:
    """The receipts of one folder.

    Args:
        store: Folder that keeps the receipts of all folders.
        root: The download folder.
    """

    def __init__(self, store: Path, root: Path) -> None:
        name = hashlib.sha256(os.fsencode(os.path.abspath(root))).hexdigest()[:40]
        self._path = store / f"{name}.json"
        self._known: dict[str, Receipt] = {}
        self._changed = False

    def load(self) -> None:
        """Read them; damaged or missing ones are as none."""
        with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            self._known = _decoder.decode(self._path.read_bytes())

    def store(self) -> None:
        """Write what is new; without harm where it cannot be written."""
        if not self._changed:
            return
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            draft.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(msgspec.json.encode(self._known))
            draft.replace(self._path)
        self._changed = False

    def vouches_for(self, entry: ManifestEntry, target: str | Path) -> bool:
        """Whether the file is what it was when it was written with the entry's content."""
        receipt = self._known.get(entry.path)
        if receipt is None or receipt.digest != entry.digest:
            return False
        try:
            found = os.stat(target)
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (receipt.size, receipt.changed)

    def note(self, entry: ManifestEntry, target: str | Path) -> None:
        """Remember a file that was written, or found right."""
        with suppress(OSError):
            self.remember(entry, os.stat(target))

    def remember(self, entry: ManifestEntry, found: os.stat_result) -> None:
        """Remember the state in which a file was left."""
        receipt = Receipt(entry.digest, found.st_size, found.st_mtime_ns)
        if self._known.get(entry.path) != receipt:
            self._known[entry.path] = receipt
            self._changed = True
