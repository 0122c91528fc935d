"""`Sender`: one task per run that tails a journal and delivers it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from asyncwb.errors import ClosedError, Error
from asyncwb.portal import PORTAL
from asyncwb.portal.alarm import Alarm
from asyncwb.sender.delivery import Delivery
from asyncwb.sender.fold import Fold, RunOverrides
from asyncwb.sender.progress import DeliveryOptions, Progress
from asyncwb.sender.signals import Gate
from asyncwb.sender.status import SenderStatus
from asyncwb.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.journal import Damage, JournalReader
    from asyncwb.sender.progress import StopListener, TransferListener
    from asyncwb.sender.resume import ResumePoint
    from asyncwb.settings import Settings
    from asyncwb.transport import TransportConfig

__all__ = ["Sender"]

log = logging.getLogger("asyncwb.sender")

_CLOSE_SECONDS = 1.0


class Sender:
    """Delivers one journal: creates the run, streams its rows, uploads its files, ends it.

    Everything is read from the journal, which is the only queue: a sender can be cancelled or
    killed at any point, and the next one goes on where the server left off. Spawn `run` in
    asyncwb's loop; the other methods are safe from any thread unless they are coroutines, which
    belong in the loop.

    Args:
        reader: At the start of the journal.
        settings: Timeouts, pacing, resume mode.
        run_dir: The run's folder; files are taken from `files` in it.
        transport_config: Server and credentials.
        on_status: Called in the loop whenever the status changed; must be quick.
        options: How to treat the journal; default: that of a live run.
        overrides: Names that count instead of those in the journal.
        stop: Who wants to know that the server asks the run to stop.
    """

    def __init__(
        self,
        reader: JournalReader,
        *,
        settings: Settings,
        run_dir: Path,
        transport_config: TransportConfig,
        on_status: Callable[[SenderStatus], None] | None = None,
        options: DeliveryOptions | None = None,
        overrides: RunOverrides | None = None,
        stop: StopListener | None = None,
    ) -> None:
        self._reader = reader
        options = options or DeliveryOptions()
        self._settings = settings
        self._run_dir = run_dir
        self._recovers = options.recover
        self._on_status = on_status
        self._fold = Fold(version=VERSION, overrides=overrides)
        self._progress = Progress(listener=stop)
        self._alarm = Alarm()
        self._delivery = Delivery(
            reader,
            self._fold,
            self._progress,
            settings=settings,
            run_dir=run_dir,
            config=transport_config,
            options=options,
            alarm=self._alarm,
            tell=self._tell,
        )
        self._ready = Gate()
        self._waiters: list[tuple[int, Gate]] = []
        self._artifact_waiters: list[Gate] = []
        self._scope: anyio.CancelScope | None = None
        self._stop_asked = False
        self._over = False

    @property
    def status(self) -> SenderStatus:
        """A snapshot; safe from any thread, never waits."""
        state, attached = self._progress, self._delivery.attachments
        uploads = attached.uploads if attached is not None else None
        artifacts = attached.artifacts if attached is not None else None
        target = state.target
        return SenderStatus(
            phase=state.phase,
            entity=target.entity if target else None,
            project=target.project if target else None,
            run_id=target.run_id if target else None,
            display_name=target.display_name if target else None,
            storage_id=target.storage_id if target else None,
            url=target.url(self._settings.web_url) if target else None,
            acked_position=state.acked,
            journal_end=state.position,
            rows_sent=state.rows_sent,
            bytes_sent=state.bytes_sent,
            files_uploaded=uploads.count if uploads is not None else 0,
            files_waiting=len(self._fold.files) + (uploads.waiting if uploads is not None else 0),
            files_failed=uploads.failed if uploads is not None else (),
            file_bytes_sent=uploads.bytes_sent if uploads is not None else 0,
            artifacts_done=artifacts.done if artifacts is not None else 0,
            artifacts_waiting=artifacts.waiting if artifacts is not None else 0,
            artifacts_failed=artifacts.failed if artifacts is not None else (),
            artifact_bytes_sent=artifacts.bytes_sent if artifacts is not None else 0,
            last_error=state.last_error,
            retries=state.retries,
            stop_requested=state.stop_requested,
            damage=tuple(map(_in_words, self._reader.damage)),
            lost=self._fold.lost + state.unreadable,
            finished=state.phase == "finished",
        )

    @property
    def resumed(self) -> ResumePoint | None:
        """Where the existing run ended; None before `ready` and for a new run."""
        return self._progress.resumed

    @property
    def inherited(self) -> dict[str, object]:
        """Config of the resumed or rewound run in wire form; empty for a new one."""
        return self._progress.inherited

    @property
    def error(self) -> Error | None:
        """Why the delivery ended, None while it goes on and after success."""
        return self._progress.error

    async def ready(self) -> None:
        """Wait until the server knows the run. In the loop; cancelling it harms nothing.

        Raises:
            UsageError: `resume` forbids what is on the server.
            CommError: The server refused.
            ClosedError: The sender was stopped.
        """
        await self._ready.wait()
        if self._progress.target is None:
            raise self._failure()

    async def wait_acked(self, position: int) -> None:
        """Hurry, and wait until the server accepted everything before a journal position.

        For the position after the exit record: until the run is finished, files included. In the
        loop; cancelling it harms nothing.

        Raises:
            CommError: The server refused, or a file or artifact could not be uploaded.
            InvalidValueError: A file of an artifact changed, or it has another type there.
            ClosedError: The sender was stopped.
        """
        state = self._progress
        state.flush_to = max(state.flush_to, position)
        state.trouble = None
        if not self._delivered(position) and state.error is None and not self._over:
            gate = Gate()
            self._waiters.append((position, gate))
            self._alarm.ring()
            try:
                await gate.wait()
            finally:
                self._waiters.remove((position, gate))
        if not self._delivered(position):
            raise self._failure()
        attached = self._delivery.attachments
        failure = attached.failure() if attached is not None else None
        if failure is not None:
            raise failure.with_traceback(None)

    async def wait_artifact(self, position: int, listener: TransferListener | None = None) -> str:
        """Wait until an artifact is saved, and return the server's id of the version.

        In the loop; cancelling it harms nothing.

        Args:
            position: Where its record ends in the journal.
            listener: Told how far the upload is; one at a time.

        Raises:
            InvalidValueError: A file changed, or the type is another one there.
            CommError: The server refused.
            ClosedError: The sender was stopped.
        """
        outcomes, transfers = self._progress.outcomes, self._progress.transfers
        if listener is not None:
            transfers[position] = listener
        try:
            while position not in outcomes:
                if self._over:
                    raise self._failure()
                gate = Gate()
                self._artifact_waiters.append(gate)
                self._alarm.ring()
                try:
                    await gate.wait()
                finally:
                    self._artifact_waiters.remove(gate)
        finally:
            if transfers.get(position) is listener:
                transfers.pop(position, None)
        outcome = outcomes[position]
        if outcome.error is not None:
            raise outcome.error.with_traceback(None)
        return outcome.id

    def wake(self) -> None:
        """Say that the journal grew, or that something is to be done. Never waits."""
        PORTAL.post(self._alarm.ring)

    def stop(self) -> None:
        """End the sender soon; what is unsent stays in the journal. Never waits."""
        PORTAL.post(self._stop)

    def _stop(self) -> None:
        self._stop_asked = True
        if self._scope is not None:
            self._scope.cancel()

    async def run(self) -> None:
        """Deliver the journal; returns when the run is finished, failed or stopped.

        Failures are kept for `status`, `ready` and `wait_acked`; none is raised.
        """
        try:
            with anyio.CancelScope() as self._scope:
                if not self._stop_asked:
                    await self._delivery.run()
        except Error as exc:
            self._fail(exc)
        except Exception as exc:
            log.exception("a sender crashed; its rows stay in the journal")
            self._fail(Error(f"the sender crashed: {exc!r}", exc=exc))
        finally:
            if self._progress.phase not in ("finished", "failed"):
                self._progress.phase = "stopped"
            with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
                await self._delivery.aclose()
            self._release()
            self._tell()

    def _fail(self, exc: Error) -> None:
        self._progress.error = exc
        self._progress.last_error = str(exc)
        self._progress.phase = "failed"
        # Before the server knew the run, and in a recovery, somebody waits for this very error.
        told = self._progress.target is None or self._recovers
        log.log(
            logging.INFO if told else logging.WARNING,
            "%s: delivery ended, unsent rows stay in %s: %s",
            self._fold.run.run_id or "a run",
            self._run_dir.name,
            exc,
        )

    def _release(self) -> None:
        """Let everybody go who waits; the journal is read no more."""
        self._over = True
        self._ready.open()
        for gate in (*(gate for _, gate in self._waiters), *self._artifact_waiters):
            gate.open()
        self._reader.close()

    def _failure(self) -> Error:
        error = self._progress.error or self._progress.trouble
        if error is None:
            return ClosedError("the delivery of the run was stopped; its rows are in the journal")
        return error.with_traceback(None)

    def _delivered(self, position: int) -> bool:
        return self._progress.settled >= position and self._progress.error is None

    def _tell(self) -> None:
        state = self._progress
        if state.target is not None:
            self._ready.open()
        for position, gate in self._waiters:
            if state.settled >= position or state.trouble is not None:
                gate.open()
        for gate in self._artifact_waiters:
            gate.open()
        if self._on_status is not None:
            self._on_status(self.status)


def _in_words(damage: Damage) -> str:
    end = damage.offset + damage.length
    return f"bytes {damage.offset} to {end} of the journal: {damage.reason}"
