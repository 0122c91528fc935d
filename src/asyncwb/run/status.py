"""What a run says about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from asyncwb.types import Mode

__all__ = ["RunState", "RunStatus"]

RunState: TypeAlias = Literal["running", "finishing", "finished", "unsent", "detached"]


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot of a run and of what the server has of it.

    Attributes:
        state: "running"; "finishing" once `finish` began; "finished" when everything is where it
            belongs (the server's acknowledgement online, the disk offline); "unsent" when the
            run ended and the server lacks something, which `asyncwb sync` sends later; "detached"
            when it was left to that on purpose.
        mode: The run's mode.
        connected: Whether the server has accepted the run.
        rows: Rows logged.
        rows_lost: Of them, rows that had no place: the disk failed and the memory that stands in
            for it was full. 0 unless something is very wrong; a warning said so.
        rows_sent: Rows that the server acknowledged.
        unsent_bytes: Bytes of the journal that the server has not acknowledged; 0 offline.
        files_uploaded: Uploads of files that succeeded.
        files_waiting: Files whose upload is due or under way. Those that are uploaded at the end
            of the run count from then on.
        files_failed: Run-relative paths of files that could not be uploaded.
        artifacts_done: Artifacts that the server has, uses that it noted and links that it made.
        artifacts_waiting: Artifacts that are due or under way.
        artifacts_failed: Those that failed, in words.
        last_error: The latest failure of the connection, for people; "" when all is well.
        retries: Requests that were repeated.
        stop_requested: The server asked to stop the run.
        journal: Path of the journal; None when it is kept in memory, or the run is disabled.
    """

    state: RunState
    mode: Mode
    connected: bool = False
    rows: int = 0
    rows_lost: int = 0
    rows_sent: int = 0
    unsent_bytes: int = 0
    files_uploaded: int = 0
    files_waiting: int = 0
    files_failed: tuple[str, ...] = ()
    artifacts_done: int = 0
    artifacts_waiting: int = 0
    artifacts_failed: tuple[str, ...] = ()
    last_error: str = ""
    retries: int = 0
    stop_requested: bool = False
    journal: str | None = None
