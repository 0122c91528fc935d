"""Which files of a run are wanted when, and what the server has of them. Pure: no I/O, no clock."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.errors import CommError
    from asyncwb.types import FilePolicy

__all__ = ["FileState", "FileTable", "RunFile", "is_ignored", "leads_out", "rest_seconds"]

FileState: TypeAlias = tuple[int, int]
"""Size and time of change: what tells whether a file is still the one that was uploaded."""

_GATHER_SECONDS = 1.0
_SHORTEST_REST = 2.0
_LONGEST_REST = 600.0
_REST_BYTES = 1024 * 1024
_RETRY_SECONDS = 60.0
_REPEATS = 2


def rest_seconds(size: int) -> float:
    """How long a live file is left alone after an upload: a second per MiB, 2 s to 10 minutes."""
    return min(_LONGEST_REST, max(_SHORTEST_REST, size / _REST_BYTES))


def leads_out(name: str) -> bool:
    """Whether a name is no path inside of the run's folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name


def is_ignored(name: str, globs: Sequence[str]) -> bool:
    """Whether a pattern matches the whole name; `*` and `?` stop at a slash."""
    parts = name.split("/")
    for glob in globs:
        wanted = glob.split("/")
        if len(wanted) == len(parts) and all(map(fnmatchcase, parts, wanted)):
            return True
    return False


class RunFile(msgspec.Struct):
    """One file.

    Attributes:
        name: Path in the run's folder, with forward slashes.
        policy: When it is uploaded.
        sent: As the server has it.
        asked_at: Journal position of the record that asked for an upload which is not done.
        again_at: The same, for a record that came while the file was being uploaded.
        due_at: When it is to be uploaded; None: nothing to do.
        rest_until: When a live file may be uploaded again.
        moving: Whether it is being uploaded.
        gone: Whether it was not there when it was due.
        repeats: Uploads made again because the file changed meanwhile.
        error: Why the last upload failed.
    """

    name: str
    policy: FilePolicy
    sent: FileState | None = None
    asked_at: int | None = None
    again_at: int | None = None
    due_at: float | None = None
    rest_until: float = 0.0
    moving: bool = False
    gone: bool = False
    repeats: int = 0
    error: CommError | None = None


class FileTable:
    """The files of one run.

    Attributes:
        uploaded: Uploads that succeeded.
        failed: Files whose last upload failed, with the reason.
    """

    def __init__(self) -> None:
        self.uploaded = 0
        self.failed: dict[str, CommError] = {}
        self._files: dict[str, RunFile] = {}
        self._due: dict[str, RunFile] = {}
        self._asked: dict[str, RunFile] = {}
        self._moving = 0
        self._ending = False

    @property
    def idle(self) -> bool:
        """Whether nothing is due or under way."""
        return not self._due and not self._moving

    @property
    def waiting(self) -> int:
        """Files that are due or under way. From any thread."""
        return self._moving + len(self._due)

    @property
    def next_due(self) -> float | None:
        """Time of the next upload; None while none is planned."""
        return min((f.due_at for f in self._due.values() if f.due_at is not None), default=None)

    @property
    def asked_from(self) -> int | None:
        """Journal position of the first record whose files have not arrived; None: all have."""
        return min(
            (f.asked_at for f in self._asked.values() if f.asked_at is not None), default=None
        )

    def want(self, name: str, policy: FilePolicy, position: int, now: float) -> None:
        """Take in a file of a record that ends at `position`. The last policy counts."""
        file = self._files.setdefault(name, RunFile(name, policy))
        file.policy = policy
        file.repeats, file.gone = 0, False
        if policy == "end":
            return
        if file.moving:
            file.again_at = position
        elif file.asked_at is None:
            file.asked_at = position
            self._asked[name] = file
        # Files that follow soon travel with it.
        self._plan(file, now + _GATHER_SECONDS)

    def touch(self, name: str, now: float) -> None:
        """A file changed; matters for live ones."""
        file = self._files.get(name)
        if file is not None and file.policy == "live" and not self._ending:
            self._plan(file, max(now + _GATHER_SECONDS, file.rest_until))

    def want_rest(self, now: float) -> None:
        """The end of the run: everything is due that the server does not have for good."""
        self._ending = True
        for file in self._files.values():
            if file.policy != "now" or file.sent is None or file.due_at is not None:
                file.repeats = 0
                self._plan(file, now)

    def take(self, now: float, *, hurry: bool, limit: int) -> list[RunFile]:
        """Files to upload now; `hurry`: also those that a record asked for a moment ago."""
        taken: list[RunFile] = []
        for file in self._due.values():
            if len(taken) == limit:
                break
            assert file.due_at is not None
            if file.due_at <= now or (hurry and file.asked_at is not None):
                taken.append(file)
        for file in taken:
            del self._due[file.name]
            file.due_at = None
            file.moving = True
        self._moving += len(taken)
        return taken

    def done(self, file: RunFile, state: FileState, after: FileState | None, now: float) -> None:
        """A file arrived.

        Args:
            file: From `take`.
            state: What it was before the upload.
            after: What it is now; None: gone.
            now: The time.
        """
        file.sent = state
        self.uploaded += 1
        file.rest_until = now + rest_seconds(state[0])
        if after is not None and after != state:
            # The server may have a part of each version.
            self._repeat(file, now)
        self._settle(file, None)

    def leave(self, file: RunFile) -> None:
        """A file needs no upload, or cannot have one."""
        self._settle(file, None)

    def fail(self, file: RunFile, error: CommError, now: float) -> None:
        """An upload failed, after all retries; while the run goes on it is tried again later."""
        if not self._ending:
            self._plan(file, now + _RETRY_SECONDS)
        self._settle(file, error)

    def _repeat(self, file: RunFile, now: float) -> None:
        if file.policy == "live" and not self._ending:
            self._plan(file, file.rest_until)
        elif file.repeats < _REPEATS:
            file.repeats += 1
            file.again_at = file.asked_at
            self._plan(file, now)

    def _plan(self, file: RunFile, at: float) -> None:
        file.due_at = at if file.due_at is None else min(file.due_at, at)
        if not file.moving:
            self._due[file.name] = file

    def _settle(self, file: RunFile, error: CommError | None) -> None:
        file.moving = False
        self._moving -= 1
        if file.due_at is not None:
            self._due[file.name] = file
        file.error = error
        if error is None:
            self.failed.pop(file.name, None)
        else:
            self.failed[file.name] = error
        self._asked.pop(file.name, None)
        file.asked_at, file.again_at = file.again_at, None
        if file.asked_at is not None:
            self._asked[file.name] = file
