"""The sidecar `run-<id>.wandb.ack`: how far the server has a journal.

Line numbers follow from the journal: line `n` of a file is its `n`-th record, plus the start
offset that is fixed when the run is opened on the server. So a crash between a post and the
write of this file only makes the next sender write the same lines at the same numbers again.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from asyncwb.sender.signals import Gate
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.sender.target import RunTarget

__all__ = ["Ack", "AckKeeper", "ack_path", "load_ack", "store_ack"]

log = logging.getLogger("asyncwb.sender")

_STORE_SECONDS = 0.5
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)


class Ack(msgspec.Struct, kw_only=True):
    """State of a journal's delivery.

    Attributes:
        server: Base URL; an ack for another server does not count.
        entity: Where the run lives, as the server answered.
        project: Where the run lives.
        run_id: The server's name of the run.
        position: Everything before it was accepted.
        history_start: Line number of the first history row.
        events_start: Line number of the first system-metrics row.
        console_start: Line number of the first console line.
        resume_step: First free step when the run was opened; added to the steps of rows that
            were logged before the writer knew it.
        resume_runtime: Seconds that the run had taken by then; added likewise.
        errands_to: What the journal asks for about artifacts up to this position is done.
        errands: Positions behind it whose errand is done as well, in order.
        finished: The server has everything, exit code included.
        lost: Parts of the journal that it does not have: not readable, or longer than it takes.
        journal_bytes: Size of the journal then; one that grew since is not finished.
    """

    server: str
    entity: str | None = None
    project: str | None = None
    run_id: str | None = None
    position: int = 0
    history_start: int = 0
    events_start: int = 0
    console_start: int = 0
    resume_step: int = 0
    resume_runtime: float = 0.0
    errands_to: int = 0
    errands: tuple[int, ...] = ()
    finished: bool = False
    lost: int = 0
    journal_bytes: int = 0

    def belongs_to(self, server: str, target: RunTarget) -> bool:
        """Whether it speaks of this run on this server."""
        ours = (self.server, self.entity, self.project, self.run_id)
        return ours == (server, target.entity, target.project, target.run_id)

    def has_errand(self, position: int) -> bool:
        """Whether what the record that ends there asked for about artifacts is done."""
        return position <= self.errands_to or position in self.errands

    def note_errand(self, position: int, undone: int | None) -> None:
        """Note one more; `undone` is the first position whose errand is not done."""
        done = sorted({*self.errands, position})
        while done and (undone is None or done[0] < undone):
            self.errands_to = done.pop(0)
        self.errands = tuple(done)


def ack_path(journal: Path) -> Path:
    """Where the ack of a journal file lies."""
    return journal.with_name(journal.name + ".ack")


def load_ack(journal: Path) -> Ack | None:
    """Read an ack; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(ack_path(journal).read_bytes(), type=Ack)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as exc:
        log.warning("the delivery state of %s cannot be read (%s)", journal.name, exc)
        return None


def store_ack(journal: Path, ack: Ack) -> None:
    """Replace the ack in one step, so that a reader sees the old one or the new one.

    On a full disk the old one is written over.

    Raises:
        OSError: The folder cannot be written.
    """
    if ack.finished:
        ack.journal_bytes = journal.stat().st_size
    path = ack_path(journal)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    data = msgspec.json.encode(ack)
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as exc:
        with suppress(OSError):
            draft.unlink()
        if exc.errno not in _FULL_DISK or not path.exists():
            raise
        # The block of the old one is there. Without this, rows that the live run delivered from
        # memory would count as missing: a later sync would end the run once more, as crashed.
        with path.open("r+b") as file:
            file.write(data)
            file.truncate()


class AckKeeper:
    """Reads and writes the ack of one journal, off the loop.

    A journal in memory has none; where the folder cannot be written, a recovery asks the server.
    """

    def __init__(self, journal: Path | None) -> None:
        self._journal = journal
        self._stored_at = 0.0
        self._stored: Ack | None = None
        self._warned = False
        self._writing: Gate | None = None

    async def load(self) -> Ack | None:
        """What an earlier sender left."""
        return None if self._journal is None else await offload(load_ack, self._journal)

    async def store(self, ack: Ack) -> None:
        """Write it now; a failure is one warning."""
        # One after the other: rows and artifacts come along by themselves.
        while self._writing is not None:
            await self._writing.wait()
        if self._journal is None or ack == self._stored:
            return
        self._stored_at = time.monotonic()
        self._writing = Gate()
        copy = msgspec.structs.replace(ack)
        try:
            await offload(store_ack, self._journal, copy)
            self._stored = copy
        except OSError as exc:
            if not self._warned:
                log.warning("the state of %s cannot be written: %s", self._journal.name, exc)
            self._warned = True
        finally:
            written, self._writing = self._writing, None
            written.open()

    async def store_sometimes(self, ack: Ack) -> None:
        """Write it unless that happened just now."""
        if time.monotonic() - self._stored_at > _STORE_SECONDS:
            await self.store(ack)
