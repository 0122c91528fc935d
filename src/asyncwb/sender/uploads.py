"""Run files on their way to the server: CreateRunFiles, then one PUT per file."""

from __future__ import annotations

import logging
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, TypeAlias

import anyio

from asyncwb.errors import CommError, InvalidValueError, ProtocolError
from asyncwb.graphql.run_operations import CREATE_RUN_FILES
from asyncwb.transport import OVERLOAD_STATUSES, RetryPolicy
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from asyncwb.graphql import GraphQL
    from asyncwb.graphql.run_operations import FileUpload
    from asyncwb.sender.target import RunTarget
    from asyncwb.transport import Transport

__all__ = ["FilePolicy", "Uploads"]

log = logging.getLogger("asyncwb.sender")

FilePolicy: TypeAlias = Literal["now", "end", "live"]

_ANNOUNCE_AT_ONCE = 100
_PARALLEL = 8
_CREATE_POLICY = RetryPolicy(retry_statuses=OVERLOAD_STATUSES, max_attempts=20)
_PUT_POLICY = RetryPolicy(retry_statuses=OVERLOAD_STATUSES, max_attempts=20)
_CREATE_SECONDS = 600.0

# Size and time of change: what tells whether a file is still the one that was uploaded.
_State: TypeAlias = tuple[int, int]


class Uploads:
    """Files of one run: which are wanted when, which are done.

    Args:
        transport: For the PUTs; they carry no credentials.
        graphql: For the announcements.
        folder: The run's `files` folder; nothing outside it is read unless a link there leads out.
        target: Where the run lives.
        deadline_seconds: Time for one file, retries included.
    """

    def __init__(
        self,
        transport: Transport,
        graphql: GraphQL,
        folder: Path,
        target: RunTarget,
        *,
        deadline_seconds: float,
    ) -> None:
        self._transport = transport
        self._graphql = graphql
        self._folder = folder
        self._target = target
        self._deadline_seconds = deadline_seconds
        self._wanted: dict[str, FilePolicy] = {}
        self._due: dict[str, None] = {}
        self._done: dict[str, _State] = {}
        self._committed: list[str] = []
        self.count = 0
        self.failed: dict[str, CommError] = {}

    def want(self, name: str, policy: FilePolicy) -> None:
        """Note a `files` record; a name that leads out of the folder is refused with a warning."""
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            log.warning("the file %r lies outside the run folder and is not uploaded", name)
            return
        self._wanted[name] = policy
        if policy != "end":
            self._due[name] = None

    @property
    def due(self) -> bool:
        """Whether files wait for an upload before the end of the run."""
        return bool(self._due)

    @property
    def waiting(self) -> int:
        """How many wanted files were never uploaded."""
        return len(self._wanted.keys() - self._done.keys())

    @property
    def committed(self) -> bool:
        """Whether uploaded files wait to be named in a file-stream request."""
        return bool(self._committed)

    def take_committed(self) -> list[str]:
        """Paths uploaded since the last call, for the next file-stream request."""
        taken, self._committed = self._committed, []
        return taken

    async def upload_due(self) -> None:
        """Upload what is due now; failures are noted in `failed`, not raised."""
        names, self._due = list(self._due), {}
        await self._upload(names)

    async def upload_all(self) -> None:
        """Upload every wanted file that is not on the server as it is now; the end of a run."""
        self._due = {}
        await self._upload(list(self._wanted))

    async def _upload(self, names: list[str]) -> None:
        present: dict[str, _State] = {}
        for name in names:
            state = await _state(self._folder / name)
            if state is None:
                log.warning("the file %r is gone and is not uploaded", name)
            elif self._done.get(name) != state:
                present[name] = state
        todo = list(present)
        for start in range(0, len(todo), _ANNOUNCE_AT_ONCE):
            batch = todo[start : start + _ANNOUNCE_AT_ONCE]
            await self._upload_batch({name: present[name] for name in batch})

    async def _upload_batch(self, states: dict[str, _State]) -> None:
        try:
            places, headers = await self._announce(list(states))
        except CommError as exc:
            self._fail(list(states), exc)
            return
        limiter = anyio.CapacityLimiter(_PARALLEL)

        async def put(name: str, url: str) -> None:
            async with limiter:
                await self._put(name, url, headers, states[name])

        async with anyio.create_task_group() as group:
            for place in places:
                if place.upload_url is not None and place.name in states:
                    group.start_soon(put, place.name, place.upload_url)
        refused = states.keys() - {p.name for p in places if p.upload_url is not None}
        if refused:
            self._fail(sorted(refused), ProtocolError("the server gave no upload URL"))

    async def _announce(self, names: list[str]) -> tuple[list[FileUpload], dict[str, str]]:
        answer = await self._graphql.execute(
            CREATE_RUN_FILES,
            {
                "entity": self._target.entity or "",
                "project": self._target.project,
                "run": self._target.run_id,
                "files": names,
            },
            policy=_CREATE_POLICY,
            deadline_seconds=_CREATE_SECONDS,
        )
        created = answer.create_run_files
        if created is None:
            raise ProtocolError("the server gave no upload URLs")
        headers: dict[str, str] = {}
        for header in created.upload_headers or []:
            key, _, value = header.partition(":")
            headers[key.strip()] = value.strip()
        return [place for place in created.files or [] if place is not None], headers

    async def _put(self, name: str, url: str, headers: dict[str, str], state: _State) -> None:
        try:
            await self._transport.put(
                url,
                self._folder / name,
                headers=headers,
                policy=_PUT_POLICY,
                deadline_seconds=self._deadline_seconds,
            )
        except CommError as exc:
            self._fail([name], exc)
        except InvalidValueError as exc:
            log.warning("the file %r cannot be read and is not uploaded: %s", name, exc)
        else:
            self._done[name] = state
            self.failed.pop(name, None)
            self._committed.append(name)
            self.count += 1

    def _fail(self, names: list[str], exc: CommError) -> None:
        for name in names:
            self.failed[name] = exc
        log.warning("%d file(s) could not be uploaded, %r first: %s", len(names), names[0], exc)


async def _state(path: Path) -> _State | None:
    try:
        found = await offload(path.stat)
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns
