"""What a sender says about itself."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

__all__ = ["Phase", "SenderStatus"]

Phase: TypeAlias = Literal[
    "starting", "connecting", "streaming", "finishing", "finished", "failed", "stopped"
]


class SenderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot; make it from any thread with `Sender.status`.

    Attributes:
        phase: "starting" until the journal holds a run, "connecting" until the server knows it,
            "streaming", "finishing" from the exit record on; then "finished", "failed" (the
            server refused; rows stay in the journal) or "stopped" (by `Sender.stop`).
        entity: As the server answered.
        project: As the server answered.
        run_id: As the server answered.
        display_name: As the server answered.
        storage_id: The server's own id of the run.
        url: Web page of the run, once the server answered.
        acked_position: Everything before this journal position was accepted by the server.
        journal_end: Position up to which the journal was read.
        rows_sent: History rows accepted.
        bytes_sent: Body bytes of accepted file-stream requests.
        files_uploaded: Files whose upload succeeded.
        files_waiting: Files whose upload is due or under way.
        files_failed: Run-relative paths of files that could not be uploaded.
        file_bytes_sent: Bytes of files sent, those of repeated attempts included.
        artifacts_done: Artifacts that were saved, noted as used or linked.
        artifacts_waiting: Artifacts that are due or under way.
        artifacts_failed: What became of none of these, in words.
        artifact_bytes_sent: Bytes of their files.
        last_error: Latest failure, for people; "" after recovery.
        retries: Attempts that were repeated.
        stop_requested: The server asked to stop the run.
        damage: Journal ranges that could not be read, for people.
        lost: Rows that will never arrive: unreadable, or longer than a server takes.
        finished: The server has everything, exit code included.
    """

    phase: Phase = "starting"
    entity: str | None = None
    project: str | None = None
    run_id: str | None = None
    display_name: str | None = None
    storage_id: str | None = None
    url: str | None = None
    acked_position: int = 0
    journal_end: int = 0
    rows_sent: int = 0
    bytes_sent: int = 0
    files_uploaded: int = 0
    files_waiting: int = 0
    files_failed: tuple[str, ...] = ()
    file_bytes_sent: int = 0
    artifacts_done: int = 0
    artifacts_waiting: int = 0
    artifacts_failed: tuple[str, ...] = ()
    artifact_bytes_sent: int = 0
    last_error: str = ""
    retries: int = 0
    stop_requested: bool = False
    damage: tuple[str, ...] = ()
    lost: int = 0
    finished: bool = False
