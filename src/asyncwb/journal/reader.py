"""Reading a `.wandb` log: a file, one that is still being written, or a journal in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from asyncwb.errors import JournalError
from asyncwb.journal.files import SharedFile, open_file
from asyncwb.journal.framing import HEADER_BYTES, Damage, FrameScanner, RawRecord

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["JournalReader", "Memory"]


class Memory(Protocol):
    """What a reader needs of a journal in this process."""

    def read_memory(
        self, position: int, max_bytes: int, max_records: int
    ) -> tuple[list[RawRecord], int] | None:
        """Records in memory behind a position and where they begin; None: see the file."""
        ...

    def doze(self, position: int) -> bool:
        """Ask to be woken by the next append; False if there is something to read already."""
        ...

    def release(self, position: int) -> None:
        """Allow memory before the position to be freed."""
        ...


class JournalReader:
    """Reads records in order, never waits. Not thread-safe: one reader, one user at a time.

    Make one with `Journal.reader` or `JournalReader.open`.

    Attributes:
        path: The file; None for a journal that has only ever been in memory.
        position: Where the next record begins.
    """

    def __init__(
        self,
        path: Path | None,
        position: int = 0,
        memory: Memory | None = None,
        file: SharedFile | None = None,
    ) -> None:
        self.path = path
        self._memory = memory
        self._file = SharedFile(open_file(path)) if file is None and path is not None else file
        if path is None:
            position = max(position, HEADER_BYTES)  # there is no header to read
        self._scanner = FrameScanner(self._read_at, position)

    @classmethod
    def open(cls, path: Path | str, position: int = 0) -> JournalReader:
        """Open a log, whoever writes or wrote it.

        Args:
            path: The `.wandb` file.
            position: 0 or the `end_position` of a record.

        Raises:
            JournalError: The file cannot be opened.
        """
        return cls(Path(path), position)

    @property
    def position(self) -> int:
        """Where the next record begins."""
        return self._scanner.position

    @property
    def damage(self) -> list[Damage]:
        """What could not be read so far; a record cut off at the end is not damage."""
        return list(self._scanner.damage)

    def read_batch(self, max_bytes: int, max_records: int) -> list[RawRecord]:
        """Read the next records.

        Args:
            max_bytes: Payload bytes after which no further record is begun.
            max_records: Most records.

        Returns:
            At least one record where there is one; an empty list at the end so far.

        Raises:
            JournalError: The file is no `.wandb` log, or the disk failed.
        """
        kept = self._read_memory(max_bytes, max_records)
        if kept is None and self._file is not None:
            kept = self._scanner.scan(max_bytes, max_records)
            if not kept:
                # The file may have ended here, with nothing but its header to read.
                kept = self._read_memory(max_bytes, max_records)
        return kept or []

    def _read_memory(self, max_bytes: int, max_records: int) -> list[RawRecord] | None:
        """Records that have no file; None: the position is in the file."""
        if self._memory is None:
            return None
        kept = self._memory.read_memory(self.position, max_bytes, max_records)
        if kept is None:
            return None
        found, begin = kept
        if begin > self.position:
            lost = begin - self.position
            self._scanner.damage.append(Damage(self.position, lost, "freed from memory"))
            self._scanner.position = begin
        if found:
            self._scanner.position = found[-1].end_position
        return found

    def sleep(self) -> bool:
        """Declare that nothing will be read until `Journal.on_append` is called.

        Returns:
            False if there is something to read already, or nobody would call.
        """
        return self._memory is not None and self._memory.doze(self.position)

    def release(self, position: int) -> None:
        """Tell that everything before `position` is safe elsewhere, so that memory can be freed."""
        if self._memory is not None:
            self._memory.release(position)

    def close(self) -> None:
        """Close the file. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            file.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_at(self, offset: int, size: int) -> bytes:
        if self._file is None:
            return b""
        try:
            return self._file.read_at(size, offset)
        except OSError as exc:
            raise JournalError(f"cannot read {self.path}: {exc.strerror}", exc=exc) from exc
