"""The writing side of a run's journal: one `write` per row, in the caller's thread."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypeAlias
from zlib import crc32

from asyncwb.errors import ClosedError, ForkedError, JournalError
from asyncwb.journal.files import SharedFile, write_all
from asyncwb.journal.framing import (
    BLOCK_BYTES,
    FILE_HEADER,
    FULL,
    HEADER_BYTES,
    TYPE_CRC,
    RawRecord,
    frame,
    pack_chunk,
)
from asyncwb.journal.memory import MemoryLog
from asyncwb.journal.reader import JournalReader
from asyncwb.journal.repair import complete, cut, resync, size_of, split_unwritten
from asyncwb.journal.status import JournalStatus
from asyncwb.journal.write_behind import WriteBehind

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Durability", "Journal", "JournalStatus"]

log = logging.getLogger("asyncwb.journal")

Durability: TypeAlias = Literal["auto", "row", "interval"]

_SLOW_SECONDS = 0.002
# A walk that goes up on slow writes and down on fast ones gets here when most are slow.
_SLOW_WRITES = 16
_FULL_CRC = TYPE_CRC[FULL]


class Journal:
    """Appends records to a `.wandb` file. Thread-safe; make one with `Journal.create`.

    An append may be interrupted by a signal handler or a finalizer of the same thread that
    appends, too: its record follows right after the interrupted one.

    Attributes:
        on_append: Called after an append when a reader sleeps; from the appending thread, must
            not block.
        path: The file; None if there never was one.
    """

    def __init__(
        self, path: Path | None, file: SharedFile | None, durability: Durability, limit: int
    ) -> None:
        self.on_append: Callable[[], None] | None = None
        self.path = path
        self._file = file
        self._fd = fd = -1 if file is None else file.fd
        self._end = HEADER_BYTES
        self._lock = threading.RLock()
        self._direct = fd >= 0  # each record is written at once
        # The record of an append under way; what a signal handler inside of it appends waits.
        self._inflight: bytes | bytearray | None = None
        self._deferred: list[bytes] = []
        self._behind: WriteBehind | None = None
        self._memory = MemoryLog(limit)
        self._auto = durability == "auto"
        self._slow = 0
        self._asleep = self._closed = self._forked = self._quiet = False
        self._error = ""
        if fd >= 0 and durability == "interval":
            self._write_behind()
        _journals.add(self)

    @classmethod
    def create(
        cls,
        path: Path | str,
        *,
        durability: Durability = "auto",
        memory_limit_bytes: int = 64 << 20,
    ) -> Journal:
        """Start a new journal. A file that cannot be made costs one warning: memory is used.

        Args:
            path: The `.wandb` file; its folder exists.
            durability: "row" writes each record at once, "interval" within 50 ms from a thread,
                "auto" begins with the first and changes over where the disk is slow.
            memory_limit_bytes: Payload bytes held at most when there is no file.

        Raises:
            JournalError: The file exists already.
        """
        path = Path(path)
        try:
            file = SharedFile.create(path, FILE_HEADER)
        except FileExistsError as exc:
            raise JournalError(f"{path} exists already", exc=exc) from exc
        except OSError as exc:
            journal = cls(None, None, durability, memory_limit_bytes)
            journal._warn(path, exc)
            return journal
        return cls(path, file, durability, memory_limit_bytes)

    @property
    def end(self) -> int:
        """Position behind the last record."""
        return self._end

    @property
    def status(self) -> JournalStatus:
        """Where rows go, and whether any were lost."""
        where: Literal["file", "buffer", "memory"] = "memory"
        if self._fd >= 0:
            where = "file" if self._direct else "buffer"
        memory = self._memory
        return JournalStatus(where, memory.lost_rows, memory.size, self._error)

    def append(self, payload: bytes | bytearray) -> int:
        """Write one record; when this returns, it survives the death of the process.

        With "interval" durability, and in memory, that holds later or not at all. The network is
        never waited for and a failing disk never raises. A stalled disk is waited for only with
        "row" durability, or once 4 MiB wait for it.

        Returns:
            The end position of the record.

        Raises:
            ClosedError: The journal is closed.
            ForkedError: This is a forked child of the process that made the journal.
        """
        with self._lock:
            if self._inflight is not None or not self._direct:
                end = self._append_otherwise(bytes(payload))
            else:
                self._inflight = payload
                try:
                    end = self._end
                    size = len(payload)
                    if size + HEADER_BYTES <= BLOCK_BYTES - end % BLOCK_BYTES:
                        data = pack_chunk(crc32(payload, _FULL_CRC), size, FULL) + payload
                    else:
                        data = frame(payload, end)
                    began = perf_counter()
                    count = os.write(self._fd, data)
                    took = perf_counter() - began
                    if count != len(data):
                        write_all(self._fd, data[count:])
                    end += len(data)
                    if self._direct:
                        # Together: a handler that closes the journal later must not write it again.
                        self._end, self._inflight = end, None
                    if took > _SLOW_SECONDS or self._slow:
                        self._judge(took)
                except OSError as exc:
                    self._fail(exc)
                    end = self._keep(bytes(payload))
                except BaseException:
                    self._resync()
                    raise
                finally:
                    self._inflight = None
                    if self._deferred or self._closed:
                        self._after_interruption()
        if self._asleep or not self._direct:
            self._after_append()
        return end

    def append_quietly(self, payload: bytes | bytearray) -> int:
        """Write a record that is no reason to wake a reader; it is read with the next one.

        Returns and raises what `append` does.
        """
        with self._lock:
            self._quiet = True
            try:
                return self.append(payload)
            finally:
                self._quiet = False

    def flush(self, *, sync: bool = False) -> None:
        """Hand everything to the operating system. Blocks for the write.

        Args:
            sync: Also wait until the disk has it.
        """
        behind = self._behind
        if behind is not None:
            behind.sync() if sync else behind.drain()
        elif sync and self._fd >= 0:
            try:
                os.fsync(self._fd)
            except OSError as exc:
                self._fail(exc)
        self._wake()

    def reader(self, position: int = 0) -> JournalReader:
        """Open a reader of this journal, in file and memory.

        Args:
            position: 0 or the end position of a record.
        """
        with self._lock:
            file = self._file.share() if self._file is not None and self._fd >= 0 else None
        return JournalReader(self.path, position, self, file)

    def close(self) -> None:
        """Write what is buffered and accept no more. Blocks for the write; idempotent.

        Readers go on.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._inflight is not None:
                self._finish_interrupted(self._inflight)
            self._direct = False
        # Not under the lock: the thread needs it when its disk fails.
        if self._behind is not None:
            self._behind.close()
        with self._lock:
            if self._inflight is None:
                self._close_file()
        self._wake()

    def read_memory(
        self, position: int, max_bytes: int, max_records: int
    ) -> tuple[list[RawRecord], int] | None:
        """Records in memory behind a position; for `JournalReader`. Never waits for the disk."""
        return self._memory.read(position, max_bytes, max_records)

    def doze(self, position: int) -> bool:
        """Ask for `on_append` at the next record; for `JournalReader`. Never waits for the disk."""
        if self._forked:
            return False
        # An append moves the end, then looks whether anybody sleeps: one of the two sees the other.
        self._asleep = True
        if position < (self._end if self._behind is None else self._behind.written):
            self._asleep = False
            return False
        return True

    def release(self, position: int) -> None:
        """Free memory before the position; for `JournalReader`."""
        self._memory.release(position)

    def leave_to_parent(self) -> None:
        """In a forked child: never touch the parent's file or its locks."""
        self._lock = threading.RLock()
        self._direct = self._asleep = False
        self._forked = True
        self._inflight = None
        self._deferred = []
        self._behind = None
        self.on_append = None
        self._fd = -1
        if self._file is not None:
            self._file.close()

    def _append_otherwise(self, payload: bytes) -> int:
        """Append where there is no direct way to the file; the lock is held."""
        if self._forked:
            raise ForkedError(
                "this run belongs to the parent process; call init() in the child, or start it "
                "with the spawn method"
            )
        if self._closed:
            raise ClosedError("the journal is closed")
        if self._inflight is not None:
            self._deferred.append(payload)
            return self._end
        self._inflight = payload
        try:
            return self._keep(payload)
        finally:
            self._inflight = None
            self._after_interruption()

    def _after_interruption(self) -> None:
        """Do what was asked for while an append was under way."""
        while self._deferred and not self._closed:
            self.append(self._deferred.pop(0))
        if self._closed:
            self._close_file()

    def _finish_interrupted(self, payload: bytes | bytearray) -> None:
        """Complete the append that a signal handler interrupts to close the journal.

        The handler may wait for the last record to reach the server, so nothing can be left to
        the interrupted call, whose own write comes too late and goes nowhere.
        """
        rows = [payload, *self._deferred] if self._direct else list(self._deferred)
        self._deferred.clear()
        if self._direct and self._file is not None:
            try:
                self._file = self._file.split()
                self._end = complete(self._fd, self._end, rows)
                return
            except OSError as exc:
                self._fail(exc)
        for row in rows:
            self._keep(bytes(row))

    def _keep(self, payload: bytes) -> int:
        """Take a record that the thread writes, or nobody; the lock is held."""
        if self._behind is None:
            self._end = end = self._memory.append(self._end, payload)
        else:
            data = frame(payload, self._end)
            end = self._end + len(data)
            self._behind.append(data)
            self._end = end
        return end

    def _close_file(self) -> None:
        if self._fd >= 0 and self._file is not None:
            self._fd = -1
            self._file.release()

    def _after_append(self) -> None:
        behind = self._behind
        if behind is None:
            if not self._quiet:
                self._wake()
        elif behind.full:
            behind.drain()

    def _judge(self, took: float) -> None:
        """Count slow writes; where most are, let a thread do them."""
        self._slow += 1 if took > _SLOW_SECONDS else -1
        if self._slow >= _SLOW_WRITES and self._auto:
            log.warning(
                "writing to %s is slow (%.0f ms): rows are now written within 50 ms, the last of "
                'them can be lost if the process is killed (durability="row" keeps them all)',
                self.path,
                took * 1e3,
            )
            self._write_behind()

    def _write_behind(self) -> None:
        """Leave the writing to a thread from here on."""
        self._direct = False
        self._behind = WriteBehind(self._fd, self._end, on_write=self._wake, on_error=self._fail)

    def _wake(self) -> None:
        if self._asleep:
            self._asleep = False
            if self.on_append is not None:
                self.on_append()

    def _warn(self, path: Path | None, exc: OSError) -> None:
        self._error = exc.strerror or type(exc).__name__
        self._memory.warn(path, self._error)

    def _fail(self, exc: OSError) -> None:
        """Leave the file for good; what it holds stays readable."""
        with self._lock:
            fd, self._fd, self._direct = self._fd, -1, False
            if fd < 0:
                return
            self._warn(self.path, exc)
            behind, self._behind = self._behind, None
            unwritten: list[bytes] = []
            if behind is not None:
                size = size_of(fd, otherwise=behind.written)
                self._end, unwritten = split_unwritten(bytes(behind.pending), behind.written, size)
            cut(fd, self._end)
            if self._file is not None:
                self._file.release()
            for payload in unwritten:
                self._keep(payload)

    def _resync(self) -> None:
        """After Ctrl-C inside of append: is the row in, or not?"""
        try:
            self._end = resync(self._fd, self._end)
        except OSError as exc:
            self._fail(exc)


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _leave_to_parent() -> None:
    for journal in list(_journals):
        journal.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
