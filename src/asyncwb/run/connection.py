"""The way of one run to the server: its sender, and how long somebody waits for it.

Everything here but `start` and the properties runs in asyncwb's loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import msgspec

from asyncwb.errors import ClosedError, Error, WaitTimeoutError
from asyncwb.portal import PORTAL
from asyncwb.sender import Sender, SenderStatus

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.journal import Journal
    from asyncwb.portal.background import Background
    from asyncwb.run.environment import Survey
    from asyncwb.run.status import RunStatus
    from asyncwb.run.stopping import StopSignal
    from asyncwb.sender.progress import TransferListener
    from asyncwb.sender.resume import ResumePoint
    from asyncwb.settings import Settings
    from asyncwb.transport import TransportConfig

__all__ = ["Connection"]

_NEVER_REACHED_SECONDS = 2.0
_STOP_SECONDS = 0.4
_LOOK_SECONDS = 0.25
_ACCOUNT_SECONDS = 1.0


class Connection:
    """The sender of one run, as the run uses it.

    Args:
        journal: What is sent.
        settings: The run's settings.
        run_dir: The run's folder.
        config: Server and credentials.
        stop: Learns that the server asks the run to stop.
        rows: Tells how many rows were logged.
        artifacts: Tells how many artifacts were logged or used.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        settings: Settings,
        run_dir: Path,
        config: TransportConfig,
        stop: StopSignal,
        rows: Callable[[], int],
        artifacts: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._rows = rows
        self._artifacts = artifacts
        self._settings = settings
        self._config = config
        self._sender = Sender(
            journal.reader(),
            settings=settings,
            run_dir=run_dir,
            transport_config=config,
            stop=stop,
        )
        stop.on_watch = self._sender.wake
        self._task: Background | None = None
        self._lookup: Background | None = None
        self._finish_lock: anyio.Lock | None = None
        self._delivered: bool | None = None
        self._failure: Error | None = None

    @property
    def sender_status(self) -> SenderStatus:
        """What the sender says. From any thread."""
        return self._sender.status

    @property
    def resumed(self) -> ResumePoint | None:
        """Where the server's run ended; None for a new one."""
        return self._sender.resumed

    @property
    def inherited(self) -> dict[str, object]:
        """Config of the run that this one goes on with, as the server holds it."""
        return self._sender.inherited

    def start(self) -> None:
        """Begin to send. From any thread; returns at once."""
        self._journal.on_append = self._sender.wake
        self._task = PORTAL.spawn(self._sender.run, name="asyncwb sender")

    def look_up(self, survey: Survey) -> None:
        """Find out in the background whose run this is, where that matters; returns at once."""
        if not survey.wants_account:
            survey.conclude(None)
            return

        async def ask() -> None:
            from asyncwb.run.environment.account import find_account

            survey.conclude(await find_account(self._config))

        self._lookup = PORTAL.spawn(ask, name="asyncwb account")

    @property
    def looking_up(self) -> bool:
        """Whether the answer to `look_up` is still missing. From any thread."""
        return self._lookup is not None and not self._lookup.done

    async def account_known(self, timeout: float | None = None) -> None:
        """Give a server that is not known to be away a moment to say whose run this is."""
        if self._lookup is not None and not self.sender_status.last_error:
            limit = _ACCOUNT_SECONDS if timeout is None else min(timeout, _ACCOUNT_SECONDS)
            with anyio.move_on_after(limit):
                await self._lookup.wait()

    async def end_look_up(self, timeout: float | None) -> None:
        """Take the answer that comes in a moment, or go on without."""
        await self.account_known(timeout)
        self._cancel_look_up()

    def _cancel_look_up(self) -> None:
        if self._lookup is not None:
            self._lookup.cancel()

    def hurry(self) -> None:
        """Have the sender look at the journal now. From any thread; returns at once."""
        self._sender.wake()

    def stop(self) -> None:
        """Give up sending. From any thread; returns at once."""
        self._cancel_look_up()
        self._sender.stop()

    async def ready(self, timeout: float) -> bool:
        """Wait until the server knows the run; False when the time was not enough.

        Raises:
            CommError: The server refused.
            UsageError: `resume` forbids what is there.
        """
        with anyio.move_on_after(timeout) as scope:
            await self._sender.ready()
        return not scope.cancelled_caught

    async def wait_acked(self, position: int, timeout: float | None) -> None:
        """Wait until the server has everything before `position`."""
        with anyio.move_on_after(timeout) as scope:
            await self._sender.wait_acked(position)
        if scope.cancelled_caught:
            raise WaitTimeoutError(self._unsent(f"flush() waited {timeout:g} s"))

    async def wait_artifact(
        self, position: int, timeout: float | None, listener: TransferListener | None = None
    ) -> str:
        """Wait until an artifact is saved; returns the server's id of the version."""
        with anyio.move_on_after(timeout) as scope:
            return await self._sender.wait_artifact(position, listener)
        assert scope.cancelled_caught
        raise WaitTimeoutError(
            f"wait() of an artifact waited {timeout:g} s; it goes on being uploaded"
        )

    async def finish(self, timeout: float | None, asked: float | None = None) -> bool:
        """Wait until the server has everything, then end the sender.

        Args:
            timeout: Seconds; None: as long as the server makes progress.
            asked: What the user gave, for the message; a part of it may be over.

        Returns:
            True, or False for a run that the server never saw, which its user knows.

        Raises:
            WaitTimeoutError: The time was not enough.
            CommError: The server refused.
        """
        lock = self._finish_lock = self._finish_lock or anyio.Lock()
        with anyio.move_on_after(timeout) as scope:
            await lock.acquire()
        if scope.cancelled_caught:
            raise WaitTimeoutError(self._unsent(f"finish() waited {asked or timeout:g} s"))
        try:
            if self._delivered is None:
                await self._finish(timeout, asked)
        finally:
            lock.release()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        return bool(self._delivered)

    async def detach(self) -> None:
        """End the sender at once, and leave the journal to somebody else."""
        self._delivered = False
        await self._end_task()

    async def _finish(self, timeout: float | None, asked: float | None) -> None:
        try:
            if timeout is None:
                self._delivered = await self._wait_while_moving()
            else:
                with anyio.move_on_after(timeout):
                    await self._sender.wait_acked(self._journal.end)
                    self._delivered = True
        except ClosedError:
            self._delivered = False
        except Error as error:
            self._delivered = False
            self._failure = error
        if not self._delivered:
            if self._failure is None and (timeout is not None or self._was_reached()):
                seconds = timeout if asked is None else asked
                waited = "finish() gave up" if seconds is None else f"finish() waited {seconds:g} s"
                self._failure = WaitTimeoutError(self._unsent(waited))
            self._delivered = False
        await self._end_task()

    async def _wait_while_moving(self) -> bool:
        """Wait as long as the server makes progress."""
        end = self._journal.end
        patience = self._settings.exit_timeout
        mark: tuple[int, ...] | None = None
        still = 0.0
        while True:
            with anyio.move_on_after(_LOOK_SECONDS) as scope:
                await self._sender.wait_acked(end)
            if not scope.cancelled_caught:
                return True
            status = self._sender.status
            moved = (
                status.acked_position,
                status.bytes_sent,
                status.files_uploaded,
                status.file_bytes_sent,
                status.artifacts_done,
                status.artifact_bytes_sent,
            )
            still = 0.0 if moved != mark else still + _LOOK_SECONDS
            mark = moved
            limit = patience if self._was_reached() else min(patience, _NEVER_REACHED_SECONDS)
            if still >= limit:
                return False

    async def _end_task(self) -> None:
        """Leave nothing running; a sender that does not listen is left behind."""
        if self._task is None:
            return
        if not self._delivered:
            self._sender.stop()
        with anyio.move_on_after(_STOP_SECONDS):
            await self._task.wait()

    def _was_reached(self) -> bool:
        return self._sender.status.run_id is not None

    def _unsent(self, waited: str) -> str:
        status = self._sender.status
        unsent = max(0, self._journal.end - status.acked_position)
        missing = f"{unsent} bytes of the journal are not acknowledged"
        if rows := max(0, self._rows() - status.rows_sent):
            missing = f"{_count(rows, 'row')}, {missing}"
        if files := status.files_waiting + len(status.files_failed):
            missing += f" and {_count(files, 'file')} {'is' if files == 1 else 'are'} not uploaded"
        if left := self._artifacts() - status.artifacts_done:
            missing += f" and {_count(left, 'artifact')} {'is' if left == 1 else 'are'} not saved"
        cause = f" ({status.last_error})" if status.last_error else ""
        where = self._journal.path
        rest = (
            "they are only in memory"
            if where is None
            else f"they stay in {where.parent}; `asyncwb sync {where.parent}` sends them"
        )
        return f"{waited}: {missing}{cause}; {rest}"

    def add_to(self, status: RunStatus) -> RunStatus:
        """Fill in what the server has."""
        known = self._sender.status
        return msgspec.structs.replace(
            status,
            connected=known.run_id is not None,
            rows_sent=known.rows_sent,
            unsent_bytes=max(0, self._journal.end - known.acked_position),
            files_uploaded=known.files_uploaded,
            files_waiting=known.files_waiting,
            files_failed=known.files_failed,
            artifacts_done=known.artifacts_done,
            artifacts_waiting=max(
                0, self._artifacts() - known.artifacts_done - len(known.artifacts_failed)
            ),
            artifacts_failed=known.artifacts_failed,
            last_error=known.last_error,
            retries=known.retries,
            stop_requested=known.stop_requested,
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
