"""The uploads of one run: what is wanted when, in the background, a few files at a time."""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import TYPE_CHECKING

import anyio

from asyncwb.errors import CommError
from asyncwb.sender.file_table import FileTable, is_ignored, leads_out
from asyncwb.sender.file_transfer import FileTransfer
from asyncwb.sender.file_watch import FileWatch, watchable
from asyncwb.sender.signals import Gate
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from anyio.abc import TaskGroup

    from asyncwb.graphql import GraphQL
    from asyncwb.sender.file_table import RunFile
    from asyncwb.sender.file_transfer import Parcel
    from asyncwb.sender.target import RunTarget
    from asyncwb.settings import Settings
    from asyncwb.transport import RetryState, Transport
    from asyncwb.types import FilePolicy

__all__ = ["Uploads"]

log = logging.getLogger("asyncwb.sender")

_ANNOUNCE_AT_ONCE = 100
_PARALLEL = 8
_TELL_SECONDS = 0.05


class Uploads:
    """Starts the uploads of one run and knows what is left to do.

    Files are announced a hundred at a time, by one task, and sent by up to eight.

    Args:
        transport: For the files.
        graphql: For the announcements.
        folder: The run's `files` folder.
        target: Where the run lives.
        settings: Timeout, and what is ignored.
        group: Where the tasks run.
        ring: Called when something changed that somebody may wait for.
        on_retry: Called before a request is repeated.
        watch: Whether live files are watched for changes.

    Attributes:
        folder: As above.
    """

    def __init__(
        self,
        transport: Transport,
        graphql: GraphQL,
        folder: Path,
        target: RunTarget,
        *,
        settings: Settings,
        group: TaskGroup,
        ring: Callable[[], None],
        on_retry: Callable[[RetryState], None],
        watch: bool,
    ) -> None:
        self._table = FileTable()
        self._transfer = FileTransfer(
            transport,
            graphql,
            folder,
            target,
            self._table,
            deadline_seconds=settings.file_timeout,
            on_retry=on_retry,
        )
        self.folder = folder
        self._ignored = settings.ignore_globs
        self._group = group
        self._ring = ring
        self._watches = watch
        self._watched: dict[str, tuple[str, Callable[[], None]]] = {}
        self._to_watch: dict[str, None] = {}
        # Not a semaphore: its queue would be 800 bytes of every idle run.
        self._sending = 0
        self._freed = Gate()
        self._announcing = False
        self._telling = False
        self._committed: list[str] = []
        self._end: Gate | None = None

    def want(self, files: Mapping[str, FilePolicy], position: int) -> None:
        """Take in a `files` record that ends at a journal position."""
        now = time.monotonic()
        for name, policy in files.items():
            if leads_out(name):
                log.warning("the file %r lies outside the run folder and is not uploaded", name)
            elif not is_ignored(name, self._ignored):
                self._table.want(name, policy, position, now)
                if policy == "live" and self._watches:
                    self._to_watch[name] = None

    @property
    def asked_from(self) -> int | None:
        """Journal position of the first record whose files are still awaited."""
        return self._table.asked_from

    @property
    def due_at(self) -> float | None:
        """Monotonic time at which `start_due` has something to do; None: not before a ring."""
        if self._announcing:
            return None
        return 0.0 if self._to_watch else self._table.next_due

    @property
    def count(self) -> int:
        """Uploads that succeeded."""
        return self._table.uploaded

    @property
    def bytes_sent(self) -> int:
        """Bytes of files sent."""
        return self._transfer.bytes_sent

    @property
    def waiting(self) -> int:
        """Files that are due or under way."""
        return self._table.waiting

    @property
    def failed(self) -> tuple[str, ...]:
        """Files whose last upload failed."""
        return tuple(self._table.failed)

    def failure(self) -> CommError | None:
        """Why files failed, None when none did."""
        failed = self._table.failed
        if not failed:
            return None
        name, cause = next(iter(failed.items()))
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        return CommError(
            f"the file {name!r}{more} could not be uploaded: {cause}",
            exc=cause,
            response=cause.response,
        )

    @property
    def committed(self) -> bool:
        """Whether uploaded files wait to be named in a file-stream request."""
        return bool(self._committed)

    def take_committed(self) -> list[str]:
        """Paths uploaded since the last call, for the next file-stream request."""
        taken, self._committed = self._committed, []
        return taken

    def start_due(self, now: float, *, hurry: bool) -> None:
        """Start what is due; `hurry`: also what was asked for a moment ago."""
        if self._to_watch:
            names, self._to_watch = list(self._to_watch), {}
            self._group.start_soon(self._watch, names)
        if self._announcing:
            return
        files = self._table.take(now, hurry=hurry, limit=_ANNOUNCE_AT_ONCE)
        if files:
            self._announcing = True
            self._group.start_soon(self._announce, files, hurry)

    def start_rest(self) -> Gate:
        """Upload everything that is left; the gate opens at the end."""
        self.close()
        self._table.want_rest(time.monotonic())
        self._end = Gate()
        self._go_on()
        return self._end

    def close(self) -> None:
        """Watch no more files."""
        self._to_watch.clear()
        self._watches = False
        for _, end in self._watched.values():
            end()
        self._watched.clear()

    async def _announce(self, files: list[RunFile], hurry: bool) -> None:
        try:
            while files:
                for parcel in await self._transfer.announce(files):
                    while self._sending >= _PARALLEL:
                        self._freed = Gate()
                        await self._freed.wait()
                    self._sending += 1
                    self._group.start_soon(self._send, parcel)
                files = self._table.take(time.monotonic(), hurry=hurry, limit=_ANNOUNCE_AT_ONCE)
        finally:
            self._announcing = False
        self._go_on()

    async def _send(self, parcel: Parcel) -> None:
        try:
            if await self._transfer.send(parcel):
                self._committed.append(parcel.file.name)
        finally:
            self._sending -= 1
            self._freed.open()
        self._go_on()

    def _go_on(self) -> None:
        """After each step: at the end of a run the next one follows at once."""
        if self._end is not None:
            self.start_due(time.monotonic(), hurry=True)
            if self._table.idle:
                self._end.open()
        if self._table.idle:
            self._ring()
        elif not self._telling:
            self._telling = True
            self._group.start_soon(self._tell)

    async def _tell(self) -> None:
        """Ring a little later: of thousands of files not each one wakes the sender."""
        await anyio.sleep(_TELL_SECONDS)
        self._telling = False
        self._ring()

    async def _watch(self, names: list[str]) -> None:
        found = await offload(_watchable, self.folder, names)
        watch = await FileWatch.shared()
        if not self._watches:
            return
        for name, (path, places) in zip(names, found, strict=True):
            before, end = self._watched.get(name, ("", None))
            # Saved again, it may be a link to another file.
            if path != before:
                if end is not None:
                    end()
                end = watch.add(path, places, partial(self._changed, name))
                self._watched[name] = path, end

    def _changed(self, name: str) -> None:
        self._table.touch(name, time.monotonic())
        self._ring()


def _watchable(folder: Path, names: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    return [watchable(os.path.join(folder, name)) for name in names]
