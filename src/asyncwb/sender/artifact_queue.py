"""What a journal asks for about artifacts, on its way to the server: versions, uses, links."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import anyio

from asyncwb.artifacts.agreement import agree
from asyncwb.artifacts.artifact import Artifact
from asyncwb.artifacts.folders import staging_root
from asyncwb.artifacts.recording import draft_of
from asyncwb.artifacts.saver import Draft, Saver
from asyncwb.artifacts.write_operations import USE_ARTIFACT
from asyncwb.errors import (
    ArtifactNotFoundError,
    CommError,
    DeadlineError,
    Error,
    JournalError,
    RateLimitError,
    ServerError,
)
from asyncwb.graphql.service import Service
from asyncwb.journal import records
from asyncwb.journal.records import ArtifactLink, ArtifactRecord, UseArtifactRecord
from asyncwb.sender.progress import Outcome
from asyncwb.sender.signals import Gate
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Callable

    from anyio.abc import TaskGroup

    from asyncwb.artifacts.manifest import Manifest
    from asyncwb.artifacts.progress import TransferProgress
    from asyncwb.graphql import GraphQL
    from asyncwb.sender.ack import Ack, AckKeeper
    from asyncwb.sender.progress import Progress
    from asyncwb.sender.target import RunTarget
    from asyncwb.settings import Settings
    from asyncwb.transport import Transport, TransportConfig

__all__ = ["ArtifactQueue", "Errand"]

log = logging.getLogger("asyncwb.sender")

Errand: TypeAlias = bytes | ArtifactLink
"""A record about an artifact as it is in the journal, or a link of a run record."""

_Todo: TypeAlias = Draft | UseArtifactRecord | ArtifactLink

_AT_ONCE = 4
_LONGEST_WAIT_SECONDS = 60.0
_CLIENT_REFERENCE = "wandb-client-artifact://"
_CALL_SECONDS = 600.0


class ArtifactQueue:
    """Does the errands of one run, a few at a time.

    Versions of one name are saved one after another; what refers to a draft, or links it, waits
    for all that was asked for before. Errands wait as bytes: only what is under way is decoded.

    Args:
        transport: For the bytes of files.
        graphql: For the rest, with the headers of the run's writer.
        target: The run.
        settings: Timeouts.
        config: Server and credentials, for links.
        ack: What an earlier sender did; gets what is done.
        keeper: Writes the ack.
        progress: Gets what came of each errand; knows who listens to their transfers.
        group: Where the tasks run.
        ring: Called when something changed that somebody may wait for.
        repeats: Whether an earlier sender may have done some of it.
        patience_seconds: How long an errand is repeated while the server is not there.
    """

    def __init__(
        self,
        transport: Transport,
        graphql: GraphQL,
        target: RunTarget,
        *,
        settings: Settings,
        config: TransportConfig,
        ack: Ack,
        keeper: AckKeeper,
        progress: Progress,
        group: TaskGroup,
        ring: Callable[[], None],
        repeats: bool,
        patience_seconds: float,
    ) -> None:
        self._graphql = graphql
        self._target = target
        self._saver = Saver(graphql, transport, deadline_seconds=settings.file_timeout)
        self._service = Service(settings, _CALL_SECONDS, config=config)
        self._ack = ack
        self._keeper = keeper
        self._progress = progress
        self._group = group
        self._ring = ring
        self._repeats = repeats
        self._patience = patience_seconds
        # Ordered by position: of what waits, and with what is under way or failed.
        self._waiting: dict[int, Errand] = {}
        self._open: dict[int, Gate] = {}
        self._names: dict[int, str] = {}
        self._failed: dict[int, tuple[str, Error]] = {}
        self._slots = anyio.CapacityLimiter(_AT_ONCE)
        self._dispatching = False
        self._parts: list[Manifest] = []
        self.bytes_sent = 0
        self.done = 0

    def want(self, position: int, errand: Errand) -> None:
        """Take in an errand of the record that ends at a journal position."""
        if self._ack.has_errand(position):
            return
        self._waiting[position] = errand
        self._open[position] = Gate()
        if not self._dispatching:
            self._dispatching = True
            self._group.start_soon(self._dispatch)

    @property
    def asked_from(self) -> int | None:
        """Journal position of the first errand that is not done, failed ones aside."""
        return next(iter(self._open), None)

    @property
    def waiting(self) -> int:
        """Errands that wait or are under way."""
        return len(self._open)

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the artifacts whose errand failed."""
        return tuple(name for name, _ in self._failed.values())

    def failure(self) -> Error | None:
        """Why errands failed, None when none did."""
        return next((error for _, error in self._failed.values()), None)

    async def _dispatch(self) -> None:
        """Start the errands in their order."""
        while self._waiting:
            position = next(iter(self._waiting))
            errand = self._waiting.pop(position)
            await self._slots.acquire_on_behalf_of(position)
            try:
                todo = await self._read(errand)
            except Error as exc:
                await self._end(position, "an artifact", exc)
                continue
            before = self._before(position, todo)
            if isinstance(todo, Draft):
                self._names[position] = todo.name
            self._group.start_soon(self._do, position, todo, before)
        self._dispatching = False

    async def _read(self, errand: Errand) -> _Todo:
        if isinstance(errand, ArtifactLink):
            return errand
        return await offload(_decoded, errand, self._target)

    def _before(self, position: int, todo: _Todo) -> list[Gate]:
        """What has to be done first."""
        if isinstance(todo, UseArtifactRecord):
            return []
        earlier = {at: gate for at, gate in self._open.items() if at < position}
        if isinstance(todo, Draft) and not _refers_to_drafts(todo.manifest):
            return [gate for at, gate in earlier.items() if self._names.get(at) == todo.name]
        return list(earlier.values())

    async def _do(self, position: int, todo: _Todo, before: list[Gate]) -> None:
        for gate in before:
            await gate.wait()
        name, result = _name_of(todo), ""
        try:
            result = await self._persist(position, todo)
        except Error as exc:
            await self._end(position, name, exc)
        else:
            await self._end(position, name, None, result)

    async def _persist(self, position: int, todo: _Todo) -> str:
        """Do it, again and again while the server is not there."""
        began, wait, again = time.monotonic(), 1.0, self._repeats
        while True:
            try:
                return await self._once(position, todo, again=again)
            except CommError as exc:
                late = time.monotonic() - began + wait > self._patience
                if late or not _is_passing(exc):
                    raise
                log.info("%s is tried again in %g s: %s", _name_of(todo), wait, exc)
            again = True
            await anyio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    async def _once(self, position: int, todo: _Todo, *, again: bool) -> str:
        if isinstance(todo, ArtifactLink):
            return await self._link(todo)
        if isinstance(todo, UseArtifactRecord):
            await self._use(todo.id)
            return todo.id
        saved = None
        if again and todo.client_id:
            # Once more it could become another version, and would take the aliases back.
            saved = await self._saver.committed(todo.client_id)
            if saved is not None and todo.user_run_id is not None:
                await self._use(saved)
        if saved is None:
            await agree(self._graphql, todo)
            saved = (await self._saver.save(todo, self._meter(position))).id
        if todo.finalize:
            await offload(_remove_copies, todo.manifest)
        else:
            self._parts.append(todo.manifest)
        return saved

    async def remove_parts(self) -> None:
        """Remove the copies of parts of versions: the run, which could add them again, is over."""
        for manifest in self._parts:
            await offload(_remove_copies, manifest)

    def _meter(self, position: int) -> Callable[[TransferProgress], None]:
        """What adds up the bytes of one version, and tells who listens."""
        before, listeners = 0, self._progress.transfers

        def tell(state: TransferProgress) -> None:
            nonlocal before
            self.bytes_sent += state.bytes_done - before
            before = state.bytes_done
            if (listener := listeners.get(position)) is not None:
                listener(state)

        return tell

    async def _use(self, artifact_id: str) -> None:
        wanted = {
            "artifactID": artifact_id,
            "entityName": self._target.entity or "",
            "projectName": self._target.project,
            "runName": self._target.run_id,
            "usedAs": None,
        }
        await self._graphql.execute(USE_ARTIFACT, {"input": wanted}, deadline_seconds=_CALL_SECONDS)

    async def _link(self, link: ArtifactLink) -> str:
        artifact_id = link.id or await self._saver.id_of_draft(link.client_id)
        artifact = await Artifact._from_id(self._service, artifact_id)  # pyright: ignore[reportPrivateUsage]
        if artifact is None:
            raise ArtifactNotFoundError(f"the artifact to link to {link.target} is gone")
        await artifact.link(link.target, link.aliases)
        return artifact_id

    async def _end(self, position: int, name: str, error: Error | None, result: str = "") -> None:
        self._slots.release_on_behalf_of(position)
        self._progress.outcomes[position] = Outcome(result, error)
        if error is not None:
            log.warning("%s did not reach the server: %s", name, error)
            self._failed[position] = name, error
        else:
            self.done += 1
            undone = [at for at in (*self._failed, *self._open) if at != position]
            self._ack.note_errand(position, min(undone, default=None))
            await self._keeper.store(self._ack)
        self._names.pop(position, None)
        self._open.pop(position).open()
        self._ring()


def _decoded(payload: bytes, target: RunTarget) -> _Todo:
    """Blocks for as long as entries are many."""
    body = records.decode(payload).body
    if isinstance(body, UseArtifactRecord):
        return body
    if not isinstance(body, ArtifactRecord):
        raise JournalError("a record about an artifact is of another kind")
    return draft_of(body, entity=target.entity, project=target.project, run_id=target.run_id)


def _name_of(todo: _Todo) -> str:
    if isinstance(todo, ArtifactLink):
        return f"the link to {todo.target}"
    if isinstance(todo, UseArtifactRecord):
        return f"the use of {todo.name or todo.id}"
    return f"the artifact {todo.name}"


def _refers_to_drafts(manifest: Manifest) -> bool:
    return any((entry.ref or "").startswith(_CLIENT_REFERENCE) for entry in manifest)


def _is_passing(error: CommError) -> bool:
    """Whether the server was not there, rather than refused."""
    if isinstance(error, (DeadlineError, ServerError, RateLimitError)):
        return True
    return type(error) is CommError and error.response is None


def _remove_copies(manifest: Manifest) -> None:
    """Remove the copies that waited for this upload; files in their own places stay."""
    root = staging_root()
    for entry in manifest:
        if entry.local_path is not None and (path := Path(entry.local_path)).is_relative_to(root):
            with suppress(OSError):
                path.unlink()
                # The last one takes the draft's folder along.
                os.rmdir(path.parent)
