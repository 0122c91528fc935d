"""What a write left behind that failed or was interrupted."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from asyncwb.journal.files import read_at, write_all
from asyncwb.journal.framing import FrameScanner, frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["append_at", "complete", "cut", "resync", "size_of", "split_unwritten"]

log = logging.getLogger("asyncwb.journal")


def append_at(path: Path, position: int, payloads: Sequence[bytes]) -> int:
    """Add records to a log that nobody writes any more.

    Args:
        path: The file.
        position: Where a reader that has read all of it goes on. Half a record behind it is cut
            off.
        payloads: The records.

    Returns:
        Where the last one ends.

    Raises:
        OSError: The disk failed; a part may be written.
    """
    data = b""
    for payload in payloads:
        data += frame(payload, position + len(data))
    with path.open("r+b") as file:
        file.truncate(position)
        file.seek(position)
        file.write(data)
    return position + len(data)


def size_of(fd: int, otherwise: int) -> int:
    """Size of a file in bytes; `otherwise` where the disk does not tell."""
    try:
        return os.fstat(fd).st_size
    except OSError:
        return otherwise


def cut(fd: int, size: int) -> None:
    """Cut what is behind `size` bytes; where that fails, readers see a torn tail."""
    try:
        os.ftruncate(fd, size)
    except OSError as exc:
        log.debug("a torn row cannot be cut off: %s", exc)


def resync(fd: int, position: int) -> int:
    """Find where a log ends when an append at `position` was interrupted; cuts off half a record.

    Raises:
        OSError: The disk failed.
    """
    size = os.fstat(fd).st_size
    if size <= position:
        return position
    scanner = FrameScanner(lambda at, count: read_at(fd, count, at), position)
    found = scanner.scan(size - position, 1)
    if found and found[0].end_position == size:
        return size
    os.ftruncate(fd, position)
    return position


def complete(fd: int, begin: int, payloads: Sequence[bytes | bytearray]) -> int:
    """Complete an append that a signal handler interrupted; its own write then goes nowhere.

    Args:
        fd: The file; afterwards the null device.
        begin: Where the interrupted record begins.
        payloads: That record, and those that follow.

    Returns:
        Where the last one ends.

    Raises:
        OSError: The disk failed.
    """
    done = os.fstat(fd).st_size - begin
    data = b""
    for payload in payloads:
        data += frame(payload, begin + len(data))
    write_all(fd, data[done:])
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, fd, inheritable=False)
    os.close(nowhere)
    return begin + len(data)


def split_unwritten(data: bytes, start: int, size: int) -> tuple[int, list[bytes]]:
    """Sort records into those that a file holds already and the rest.

    Args:
        data: Framed records.
        start: Where they begin in the file.
        size: Bytes that the file holds.

    Returns:
        Where the last whole record of the file ends, and the payloads that follow it.
    """
    scanner = FrameScanner(lambda at, count: data[at - start : at - start + count], start)
    rest: list[bytes] = []
    end = start
    while batch := scanner.scan(1 << 20, 1000):
        for record in batch:
            if record.end_position <= size:
                end = record.end_position
            else:
                rest.append(record.payload)
    return end, rest
