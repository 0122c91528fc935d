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

import msgspec

from asyncwb.errors import ClosedError, ForkedError, JournalError
from asyncwb.journal.framing import (
    BLOCK_BYTES,
    FILE_HEADER,
    FULL,
    HEADER_BYTES,
    TYPE_CRC,
    FrameScanner,
    RawRecord,
    frame,
    pack_chunk,
)
from asyncwb.journal.memory import MemoryLog
from asyncwb.journal.reader import JournalReader

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Durability", "Journal", "JournalStatus"]

log = logging.getLogger("asyncwb.journal")

Durability: TypeAlias = Literal["auto", "row", "interval"]

_FLUSH_SECONDS = 0.05
_BUFFER_BYTES = 4 << 20
_SLOW_SECONDS = 0.002
# A walk that goes up on slow writes and down on fast ones gets here when most are slow.
_SLOW_WRITES = 16
_FULL_CRC = TYPE_CRC[FULL]


class JournalStatus(msgspec.Struct, frozen=True):
    """How a journal is doing.

    Args:
        where: "file", "buffer" (a writer thread follows within 50 ms) or "memory".
        lost_rows: Records dropped because memory was full and nothing was acknowledged.
        memory_bytes: Payload bytes held in memory after a failure.
        error: Why the file was left; "" if it was not.
    """

    where: Literal["file", "buffer", "memory"]
    lost_rows: int
    memory_bytes: int
    error: str


class Journal:
    """Appends records to a `.wandb` file. Thread-safe; make one with `Journal.create`.

    Attributes:
        on_append: Called after an append when a reader sleeps; from the appending thread, must
            not block.
        path: The file; None if there never was one.
    """

    def __init__(self, path: Path | None, fd: int, durability: Durability, limit: int) -> None:
        self.on_append: Callable[[], None] | None = None
        self.path = path
        self._fd = fd
        self._end = HEADER_BYTES
        self._lock = threading.RLock()
        self._busy = False
        self._direct = fd >= 0 and durability != "interval"
        self._auto = durability == "auto"
        self._slow = 0
        self._asleep = False
        self._closed = self._forked = False
        self._error = ""
        self._memory = MemoryLog(limit)
        self._buffer = bytearray()
        self._written = HEADER_BYTES
        self._deferred: list[bytes] = []
        self._writer: threading.Thread | None = None
        self._stop = threading.Event()
        if fd >= 0 and durability == "interval":
            self._start_writer()
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
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
        flags |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            fd = os.open(path, flags, 0o644)
        except FileExistsError as exc:
            raise JournalError(f"{path} exists already", exc=exc) from exc
        except OSError as exc:
            journal = cls(None, -1, durability, memory_limit_bytes)
            journal._warn(path, exc)
            return journal
        try:
            _write_all(fd, FILE_HEADER)
        except OSError as exc:
            os.close(fd)
            path.unlink(missing_ok=True)
            journal = cls(None, -1, durability, memory_limit_bytes)
            journal._warn(path, exc)
            return journal
        _lock_file(fd)
        return cls(path, fd, durability, memory_limit_bytes)

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
        never waited for and a failing disk never raises.

        Returns:
            The end position of the record.

        Raises:
            ClosedError: The journal is closed.
            ForkedError: This is a forked child of the process that made the journal.
        """
        with self._lock:
            if not self._direct or self._busy:
                return self._append_otherwise(bytes(payload))
            self._busy = True
            try:
                end = self._end
                size = len(payload)
                if size + HEADER_BYTES <= BLOCK_BYTES - end % BLOCK_BYTES:
                    data = pack_chunk(crc32(payload, _FULL_CRC), size, FULL) + payload
                else:
                    data = frame(payload, end)
                began = perf_counter()
                count = os.write(self._fd, data)
                if count != len(data):
                    _write_all(self._fd, data[count:])
                took = perf_counter() - began
                self._end = self._written = end = end + len(data)
                if took > _SLOW_SECONDS or self._slow:
                    self._judge(took)
            except OSError as exc:
                self._fail(exc)
                self._end = end = self._memory.append(self._end, bytes(payload))
            except BaseException:
                self._resync()
                raise
            finally:
                self._busy = False
            if self._deferred:
                self._append_deferred()
                end = self._end
        if self._asleep:
            self._wake()
        return end

    def flush(self, *, sync: bool = False) -> None:
        """Hand everything to the operating system. Blocks for the write.

        Args:
            sync: Also wait until the disk has it.
        """
        with self._lock:
            self._drain()
            if sync and self._fd >= 0:
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
        return JournalReader(self.path, position, self)

    def close(self) -> None:
        """Write what is buffered and accept no more. Idempotent; readers go on."""
        self._stop.set()
        writer = self._writer
        if writer is not None and writer is not threading.current_thread():
            writer.join()
        with self._lock:
            if self._closed:
                return
            self._drain()
            self._closed, self._direct = True, False
            fd, self._fd = self._fd, -1
            if fd >= 0:
                os.close(fd)
        self._wake()

    def read_memory(
        self, position: int, max_bytes: int, max_records: int
    ) -> tuple[list[RawRecord], int] | None:
        """Records in memory behind a position; for `JournalReader`."""
        with self._lock:
            return self._memory.read(position, max_bytes, max_records)

    def doze(self, position: int) -> bool:
        """Ask for `on_append` at the next record; for `JournalReader`."""
        with self._lock:
            readable = self._end if self._fd < 0 else self._written
            if self._forked or position < readable:
                return False
            self._asleep = True
            return True

    def release(self, position: int) -> None:
        """Allow memory before the position to be freed; for `JournalReader`."""
        with self._lock:
            self._memory.release(position)

    def _append_otherwise(self, payload: bytes) -> int:
        """Append where there is no direct way to the file; the lock is held."""
        if self._forked:
            raise ForkedError(
                "this run belongs to the parent process; call init() in the child, or start it "
                "with the spawn method"
            )
        if self._busy:
            # A signal handler or finalizer runs inside append(): its row follows right after.
            self._deferred.append(payload)
            return self._end
        if self._closed:
            raise ClosedError("the journal is closed")
        if self._fd < 0:
            self._end = self._memory.append(self._end, payload)
            self._wake()
            return self._end
        data = frame(payload, self._end)
        self._buffer += data
        self._end += len(data)
        if len(self._buffer) >= _BUFFER_BYTES:
            self._drain()
        return self._end

    def _append_deferred(self) -> None:
        """Append the rows that arrived while an append was under way."""
        while self._deferred:
            self.append(self._deferred.pop(0))

    def _drain(self) -> None:
        """Write the buffer; the lock is held."""
        if self._forked or not self._buffer or self._fd < 0:
            return
        data, self._buffer = bytes(self._buffer), bytearray()
        try:
            _write_all(self._fd, data)
        except OSError as exc:
            self._fail(exc)
            self._rescue(data)
        else:
            self._written = self._end

    def _rescue(self, data: bytes) -> None:
        """Move framed records that could not be written into memory."""
        start = self._written
        scanner = FrameScanner(
            lambda offset, size: data[offset - start : offset - start + size], start
        )
        self._end = start
        while batch := scanner.scan(1 << 20, 1000):
            for record in batch:
                self._end = self._memory.append(self._end, record.payload)

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
            self._direct = False
            self._start_writer()

    def _start_writer(self) -> None:
        self._writer = threading.Thread(target=self._write_on, name="asyncwb-journal", daemon=True)
        self._writer.start()

    def _write_on(self) -> None:
        """Body of the writer thread."""
        while not self._stop.wait(_FLUSH_SECONDS):
            with self._lock:
                wrote = bool(self._buffer)
                self._drain()
            if wrote:
                self._wake()

    def _wake(self) -> None:
        if self._asleep:
            self._asleep = False
            callback = self.on_append
            if callback is not None:
                callback()

    def _warn(self, path: Path | None, exc: OSError) -> None:
        self._error = exc.strerror or type(exc).__name__
        log.warning(
            "cannot write %s (%s): rows are kept in memory, up to %d bytes, and are lost if the "
            "process dies",
            path,
            self._error,
            self._memory.limit,
        )

    def _fail(self, exc: OSError) -> None:
        """Leave the file for good; what it holds stays readable."""
        fd, self._fd, self._direct = self._fd, -1, False
        if fd < 0:
            return
        self._warn(self.path, exc)
        # Cut a row that was written in part; where that fails, readers see a torn tail.
        try:
            os.ftruncate(fd, self._written)
        except OSError:
            log.debug("cannot cut the torn row off %s", self.path)
        os.close(fd)

    def _resync(self) -> None:
        """After Ctrl-C inside of append: is the row in, or not?"""
        try:
            size = os.fstat(self._fd).st_size
            if size > self._end and self._tail_is_whole(size):
                self._end = self._written = size
            elif size > self._end:
                os.ftruncate(self._fd, self._end)
        except OSError as exc:
            self._fail(exc)

    def _tail_is_whole(self, size: int) -> bool:
        scanner = FrameScanner(lambda offset, count: os.pread(self._fd, count, offset), self._end)
        found = scanner.scan(size - self._end, 1)
        return bool(found) and found[0].end_position == size

    def _after_fork(self) -> None:
        """In a forked child: never touch the parent's file or its lock."""
        self._lock = threading.RLock()
        self._busy = self._direct = self._asleep = False
        self._forked = True
        self._buffer = bytearray()
        self._writer = None
        self.on_append = None
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _lock_file(fd: int) -> None:
    """Mark the file as being written; some file systems know no locks."""
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError) as exc:
        log.debug("the journal cannot be locked: %s", exc)


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


def _forget_parent() -> None:
    for journal in list(_journals):
        journal._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)
