"""What a disabled run writes to: nothing, through the real types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.journal.status import JournalStatus

__all__ = ["NullJournal", "RunJournal"]


class RunJournal(Protocol):
    """What a run needs of a journal."""

    @property
    def end(self) -> int:
        """Position after the last record."""
        ...

    @property
    def path(self) -> Path | None:
        """The file; None in memory."""
        ...

    @property
    def status(self) -> JournalStatus:
        """How it is doing."""
        ...

    def append(self, payload: bytes, /) -> int:
        """Write a record; returns its end position."""
        ...

    def append_quietly(self, payload: bytes, /) -> int:
        """Write a record that nobody is woken for; returns its end position."""
        ...

    def flush(self) -> None:
        """Hand everything to the operating system."""
        ...

    def close(self) -> None:
        """Accept no more."""
        ...


class NullJournal:
    """Keeps nothing."""

    end = 0
    path: Path | None = None

    @property
    def status(self) -> JournalStatus:
        """Nothing is kept, and nothing went wrong."""
        from asyncwb.journal.status import JournalStatus

        return JournalStatus("memory", 0, 0, "")

    def append(self, payload: bytes, /) -> int:
        """Drop a record."""
        del payload
        return 0

    append_quietly = append

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""
