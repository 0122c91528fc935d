"""The files of media values in a run's folder, each content once."""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from functools import partial
from pathlib import Path
from threading import RLock, get_ident
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from asyncwb.types import FileKind, FilePolicy

__all__ = ["FileRecords", "MediaFiles", "in_pieces", "in_turns", "safe_name"]

_DIGEST_SHOWN = 20
_PIECE = 1 << 20
_BUFFER = 1 << 16
_TURN_SECONDS = 0.001
_PAUSE_SECONDS = 0.00005
# Contents of a run that are remembered, so that the same one is not written again.
_MOST_KNOWN = 10_000
# File systems allow 255 bytes for a name; step, digest and suffix come behind.
_LONGEST_PART = 150
_FORBIDDEN = frozenset("\0" if os.sep == "/" else '\0\\:*?"<>|')


class FileRecords(Protocol):
    """Writes the records of a run that media need."""

    def files(self, names: Sequence[str], policy: FilePolicy = ..., kind: FileKind = ...) -> None:
        """Ask for the upload of files."""
        ...

    def nested_config(self, path: Sequence[str], value: object) -> None:
        """Set a value below the top level of the config."""
        ...


class MediaFiles:
    """Writes files and asks for their upload. Thread-safe.

    Args:
        folder: The run's folder of files.
        recorder: Writes the run's records.
    """

    def __init__(self, folder: Path, recorder: FileRecords) -> None:
        self._folder = folder
        self._recorder = recorder
        # Reentrant: a signal handler may end the run while its thread writes a file.
        self._lock = RLock()
        self._known: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._labels: dict[tuple[str, str], dict[str, str]] = {}

    def keep(
        self, content: bytes | Path | Iterator[bytes], *, kind: str, name: str, suffix: str
    ) -> dict[str, Any]:
        """Write a file into the run's folder and ask for its upload. Blocks for the disk.

        The same content is written and uploaded once: later ones get the path of the first.

        Args:
            content: The bytes, the same in pieces, or the file that holds them.
            kind: The folder below `media`.
            name: Start of the file's name, safe to use as one; slashes are folders.
            suffix: End of the file's name, with its dot.

        Returns:
            The members `path`, `sha256` and `size` of the value.

        Raises:
            OSError: The file cannot be read, or not be written.
            Exception: Whatever the pieces raise.
        """
        if isinstance(content, Path):
            with content.open("rb") as file:
                return self._write(in_pieces(file), kind, name, suffix)
        pieces = iter((content,)) if isinstance(content, bytes) else content
        return self._write(pieces, kind, name, suffix)

    def locate(self, path: str) -> Path:
        """Where a file lies that `keep` wrote."""
        return self._folder / path

    def label(self, kind: str, name: str, labels: Mapping[Any, str]) -> None:
        """Put class labels into the config, where these are not there yet."""
        plain = {str(number): text for number, text in labels.items()}
        with self._lock:
            if self._labels.get((kind, name)) == plain:
                return
            self._labels[kind, name] = plain
        value = {"type": kind, "key": name, "value": plain}
        self._recorder.nested_config(("_wandb", kind, name), value)

    def _write(self, pieces: Iterator[bytes], kind: str, name: str, suffix: str) -> dict[str, Any]:
        """Write a file, find its digest on the way, and give it the name that this makes."""
        digest, size = hashlib.sha256(), 0
        # Two threads write at once, and a signal handler may amid one of them.
        part = self._folder / "media" / kind / f".{get_ident():x}-{id(pieces):x}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb", buffering=_BUFFER) as out:
                for piece in in_turns(pieces):
                    digest.update(piece)
                    out.write(piece)
                    size += len(piece)
            found = digest.hexdigest()
            with self._lock:
                path, is_new = self._place(kind, name, found, suffix)
                if is_new:
                    os.replace(part, self.locate(path))
                    self._note(kind, found, suffix, path)
                else:
                    part.unlink()
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return {"sha256": found, "size": size, "path": path}

    def _place(self, kind: str, name: str, digest: str, suffix: str) -> tuple[str, bool]:
        """The path of a content, and whether it is still to be written there."""
        known = self._known.get((kind, digest, suffix))
        if known is not None:
            return known, False
        path = f"media/{kind}/{name}_{digest[:_DIGEST_SHOWN]}{suffix}"
        self.locate(path).parent.mkdir(parents=True, exist_ok=True)
        return path, True

    def _note(self, kind: str, digest: str, suffix: str, path: str) -> None:
        self._recorder.files([path], policy="now", kind="media")
        self._known[kind, digest, suffix] = path
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)


def in_pieces(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file."""
    return iter(partial(file.read, _PIECE), b"")


def in_turns(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces as they are made, with a pause after each millisecond: other threads' turn.

    Whoever waits for the interpreter asks for it after 5 ms only, and one that hashes or writes a
    piece has it again before anybody wakes up.
    """
    began = perf_counter()
    for piece in pieces:
        yield piece
        if perf_counter() - began > _TURN_SECONDS:
            sleep(_PAUSE_SECONDS)
            began = perf_counter()


def safe_name(key: str) -> str:
    """A key as the start of a file's path: slashes are folders, and none leads out of the run's."""
    parts = key.lstrip("/").split("/")
    return "/".join(_safe_part(part) for part in parts)


def _safe_part(part: str) -> str:
    if part in (".", ".."):
        return part.replace(".", "_")
    part = "".join("_" if character in _FORBIDDEN else character for character in part)
    encoded = part.encode("utf-8", "replace")
    if len(encoded) > _LONGEST_PART:
        part = encoded[:_LONGEST_PART].decode("utf-8", "ignore")
    return part
