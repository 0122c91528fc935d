"""Files of a run on their way to the server: CreateRunFiles, then one PUT per file."""

from __future__ import annotations

import logging
import os
import stat
import time
from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import CommError, InvalidValueError, ProtocolError
from asyncwb.graphql.run_operations import CREATE_RUN_FILES
from asyncwb.sender.file_table import FileState, RunFile  # noqa: TC001 - msgspec reads them
from asyncwb.transport import OVERLOAD_STATUSES, RetryPolicy
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.graphql import GraphQL
    from asyncwb.sender.file_table import FileTable
    from asyncwb.sender.target import RunTarget
    from asyncwb.transport import RetryState, Transport

__all__ = ["FileTransfer", "Parcel"]

log = logging.getLogger("asyncwb.sender")

_CREATE_SECONDS = 600.0
_EXPIRED = frozenset({400, 401, 403, 404, 410})
"""What a storage answers to a signed URL that is too old, or whose signature it does not take."""

# Many runs may share a slow line. A line that is dead is noticed after a minute of silence.
_SLOWEST_BYTES_PER_SECOND = 64 * 1024


class Parcel(msgspec.Struct, frozen=True):
    """A file with the place where it goes."""

    file: RunFile
    state: FileState
    url: str
    headers: dict[str, str]


class FileTransfer:
    """Moves files of one run and notes in the table what came of it.

    Attributes:
        bytes_sent: Bytes of files sent so far, those of repeated attempts included.

    Args:
        transport: For the PUTs; they carry no credentials.
        graphql: For the announcements.
        folder: The run's `files` folder; nothing outside it is read unless a link there leads out.
        target: Where the run lives.
        table: Told about every outcome.
        deadline_seconds: Time for one file, retries included; 16 s per MiB are added.
        on_retry: Called before a request is repeated.
    """

    def __init__(
        self,
        transport: Transport,
        graphql: GraphQL,
        folder: Path,
        target: RunTarget,
        table: FileTable,
        *,
        deadline_seconds: float,
        on_retry: Callable[[RetryState], None] | None,
    ) -> None:
        self.bytes_sent = 0
        self._transport = transport
        self._graphql = graphql
        self._folder = folder
        self._target = target
        self._table = table
        self._deadline_seconds = deadline_seconds
        self._policy = RetryPolicy(
            retry_statuses=OVERLOAD_STATUSES, max_attempts=20, on_retry=on_retry
        )

    async def announce(self, files: list[RunFile]) -> list[Parcel]:
        """Ask the server where files go; those that need no upload, or fail, are settled here."""
        states = await offload(_states, self._folder, [file.name for file in files])
        present: dict[str, tuple[RunFile, FileState]] = {}
        for file, state in zip(files, states, strict=True):
            if state is None:
                # A live file may be on its way to be replaced.
                if not file.gone and (file.sent is None or file.asked_at is not None):
                    log.warning("the file %r is gone and is not uploaded", file.name)
                file.gone = True
                self._table.leave(file)
            elif state == file.sent:
                self._table.leave(file)
            else:
                present[file.name] = file, state
        if not present:
            return []
        try:
            places = await self._places(list(present))
        except CommError as exc:
            self._fail([file for file, _ in present.values()], exc)
            return []
        refused = [file for name, (file, _) in present.items() if name not in places]
        if refused:
            self._fail(refused, ProtocolError("the server gave no upload URL"))
        return [Parcel(*present[name], *place) for name, place in places.items() if name in present]

    async def send(self, parcel: Parcel) -> bool:
        """Upload one file; a place that is not valid any more is asked for again, once.

        Returns:
            Whether it arrived.
        """
        file = parcel.file
        try:
            try:
                await self._put(parcel.file.name, parcel.state, parcel.url, parcel.headers)
            except CommError as exc:
                if exc.response is None or exc.response.status not in _EXPIRED:
                    raise
                place = (await self._places([file.name])).get(file.name)
                if place is None:
                    raise
                await self._put(file.name, parcel.state, *place)
        except CommError as exc:
            self._fail([file], exc)
        except InvalidValueError as exc:
            log.warning("the file %r is not uploaded: %s", file.name, exc)
            self._table.leave(file)
        else:
            (after,) = await offload(_states, self._folder, [file.name])
            self._table.done(file, parcel.state, after, time.monotonic())
            return True
        return False

    async def _places(self, names: list[str]) -> dict[str, tuple[str, dict[str, str]]]:
        """URL and headers for each name that the server takes."""
        answer = await self._graphql.execute(
            CREATE_RUN_FILES,
            {
                "entity": self._target.entity or "",
                "project": self._target.project,
                "run": self._target.run_id,
                "files": names,
            },
            policy=self._policy,
            deadline_seconds=_CREATE_SECONDS,
        )
        created = answer.create_run_files
        if created is None:
            raise ProtocolError("the server gave no upload URLs")
        headers: dict[str, str] = {}
        for header in created.upload_headers or []:
            key, _, value = header.partition(":")
            headers[key.strip()] = value.strip()
        return {
            place.name: (place.upload_url, headers)
            for place in created.files or []
            if place is not None and place.upload_url is not None
        }

    async def _put(self, name: str, state: FileState, url: str, headers: dict[str, str]) -> None:
        await self._transport.put(
            url,
            self._folder / name,
            headers=headers,
            policy=self._policy,
            deadline_seconds=self._deadline_seconds + state[0] / _SLOWEST_BYTES_PER_SECOND,
            on_sent=self._count,
        )

    def _count(self, size: int) -> None:
        self.bytes_sent += size

    def _fail(self, files: list[RunFile], exc: CommError) -> None:
        # Of a file that fails again and again one warning is enough.
        news = [file.name for file in files if file.error is None]
        if news:
            log.warning("%d file(s) could not be uploaded, %r first: %s", len(news), news[0], exc)
        now = time.monotonic()
        for file in files:
            self._table.fail(file, exc, now)


def _states(folder: Path, names: list[str]) -> list[FileState | None]:
    """Size and time of change of each file; None: there is no such file, or it is another thing."""
    return [_state(os.path.join(folder, name)) for name in names]


def _state(path: str) -> FileState | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    # Reading a pipe or a device might never end.
    return (found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
