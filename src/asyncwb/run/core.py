"""The parts of one run, put together; `Run` is the face of it."""

from __future__ import annotations

from functools import partial
from threading import RLock
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from asyncwb.errors import Error
from asyncwb.portal import PORTAL
from asyncwb.run.auto_resume import forget_run
from asyncwb.run.config import Config
from asyncwb.run.config_sources import wire_config
from asyncwb.run.console.buffer import ConsoleBuffer, Source
from asyncwb.run.console.capture import CAPTURE
from asyncwb.run.console.local_log import LocalLog
from asyncwb.run.console.loggers import CapturedLoggers
from asyncwb.run.context import leave_run
from asyncwb.run.environment import Survey
from asyncwb.run.exit import EXIT_GRACE_SECONDS, EXIT_WATCH
from asyncwb.run.folder import remove_folder
from asyncwb.run.history import History
from asyncwb.run.last_words import tell_end
from asyncwb.run.media.desk import MediaDesk
from asyncwb.run.names import Names
from asyncwb.run.observers import Observers
from asyncwb.run.recorder import Recorder, decode_row
from asyncwb.run.saving import Saving
from asyncwb.run.sigterm import SIGTERM_WATCH
from asyncwb.run.status import RunState, RunStatus
from asyncwb.run.stopping import StopSignal
from asyncwb.run.summary import Summary
from asyncwb.run.system_metrics import SystemMetrics
from asyncwb.run.telemetry import Feature

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from asyncwb.journal.rows import RowEncoder
    from asyncwb.run.artifact_log import ArtifactLog
    from asyncwb.run.attributes import RunAttributes
    from asyncwb.run.connection import Connection
    from asyncwb.run.environment import Program
    from asyncwb.run.folder import RunFolder
    from asyncwb.run.metrics import Metrics
    from asyncwb.run.nulls import RunJournal
    from asyncwb.run.telemetry import Telemetry
    from asyncwb.run.terminal import Terminal
    from asyncwb.settings import Settings

__all__ = ["RunCore"]


_DETACH_SECONDS = 1.0
# Of the time that `finish` has: most of it is for sending.
_SETTLE_SHARE = 0.25


class RunCore:
    """State of one run.

    Args:
        settings: Resolved settings with the run's id and project.
        journal: Where records go.
        folder: Where the run lives on disk.
        terminal: For lines to the user.
        encoder: Turns rows into records.
        start_time: Start of the run in Unix seconds.
        program: What runs.
        telemetry: What of asyncwb is used.
    """

    # A thousand runs may live at once.
    __slots__ = (
        "_artifacts", "_late", "_local_log", "_lock", "_metrics", "_runtime_before", "_state",
        "closed", "config", "connection", "console", "ended", "folder", "forked", "history",
        "journal", "loggers", "media", "names", "observers", "program", "recorder", "resumed",
        "saving", "settings", "start_time", "starting_step", "stop", "summary", "survey", "system",
        "telemetry", "terminal",
    )  # fmt: skip

    def __init__(
        self,
        *,
        settings: Settings,
        journal: RunJournal,
        folder: RunFolder,
        terminal: Terminal,
        encoder: RowEncoder,
        start_time: float,
        program: Program,
        telemetry: Telemetry,
    ) -> None:
        self.settings = settings
        self.journal = journal
        self.folder = folder
        self.terminal = terminal
        self.start_time = start_time
        self.starting_step = 0
        self.resumed = False
        # No more rows; and soon after: the journal has its last record.
        self.ended = self.closed = False
        self.forked = False
        self.connection: Connection | None = None
        self.stop = StopSignal(interrupts=settings.stop_interrupts)
        self._state: RunState = "running"
        self._late: Callable[[], None] | None = None
        self._runtime_before = 0.0
        self._metrics: Metrics | None = None
        self._artifacts: ArtifactLog | None = None
        self.program = program
        self._lock = RLock()
        self.recorder = Recorder(journal.append, settings=settings, start_time=start_time)
        self.telemetry = telemetry
        self.survey = Survey(
            settings, self.recorder, folder.files_path, program=program, start_time=start_time
        )
        self.saving = Saving(folder.files_path, self.recorder, terminal, settings)
        self.names = Names(settings, self.recorder)
        self.system = SystemMetrics(settings, journal)
        self.config = Config(
            self.recorder.config, allow_val_change=settings.allow_val_change, lock=self._lock
        )
        self.media = MediaDesk(self)
        self.summary = Summary(
            lock=self._lock,
            media=self.media,
            decode_row=decode_row,
            record_set=self.recorder.summary_set,
            record_derived=self._record_summary,
        )
        self._local_log = LocalLog(folder.files_path, settings)
        self.console = ConsoleBuffer(self._write_output, CAPTURE.flusher.notify)
        self.loggers = CapturedLoggers(settings.capture_loggers, self.write_logs)
        self.history = History(
            lock=self._lock,
            encoder=encoder,
            decode_row=decode_row,
            append=journal.append,
            observe=self.summary.observer,
            media=self.media,
            settings=settings,
            start_time=start_time,
        )
        self.observers = Observers(self)

    @property
    def metrics(self) -> Metrics:
        """Metric definitions; made with the first one."""
        with self._lock:
            if self._metrics is None:
                from asyncwb.run.metrics import Metrics

                self._metrics = Metrics(
                    lock=self._lock,
                    recorder=self.recorder,
                    history=self.history,
                    summary=self.summary,
                    decode_row=decode_row,
                )
            return self._metrics

    @property
    def artifacts(self) -> ArtifactLog:
        """What the run does with artifacts; made with the first one."""
        with self._lock:
            if self._artifacts is None:
                from asyncwb.run.artifact_log import ArtifactLog

                self._artifacts = ArtifactLog(self)
            return self._artifacts

    @property
    def url(self) -> str | None:
        """Web page, once the server has answered."""
        return None if self.connection is None else self.connection.sender_status.url

    def hurry(self) -> None:
        """Have the sender look at the journal now, though rows may wait for their time."""
        if self.connection is not None:
            self.connection.hurry()

    def take_answer(self) -> None:
        """Take over what the server answered when the run was made known to it."""
        connection = self.connection
        if connection is None:
            return
        self.names.take(connection.sender_status)
        with self._lock:
            self.config.load({**wire_config(connection.inherited), **self.config.as_dict()})
        point = connection.resumed
        if point is None:
            return
        self.telemetry.use(Feature.RESUMED)
        self.names.continue_from(point)
        self.resumed = True
        self.starting_step = point.starting_step
        self._runtime_before = point.runtime
        with self._lock:
            self.summary.load({k: v for k, v in point.summary.items() if k != "_wandb"})
            self.metrics.inherit(point.config)
            self.history.start_at(point.starting_step, point.runtime)
            self.names.note_resumed(point.starting_step, point.runtime)

    def abandon(self, run: RunAttributes) -> None:
        """End a run whose start failed: it was never handed out, so nothing of it is kept."""
        self.survey.drop()
        self.end(run, 1)
        self._state = "unsent"
        self._leave(run)
        remove_folder(self.folder)

    def _record_summary(self, values: dict[str, Any], objects: Collection[tuple[str, ...]]) -> None:
        runtime = self._runtime_before + time() - self.start_time
        self.recorder.summary_derived(values, runtime, objects)

    def status(self) -> RunStatus:
        """A snapshot."""
        path = self.journal.path
        status = RunStatus(
            state=self._state,
            mode=self.settings.mode,
            rows=self.history.rows,
            rows_lost=self.journal.status.lost_rows,
            journal=None if path is None else str(path),
        )
        return status if self.connection is None else self.connection.add_to(status)

    async def flush(self, timeout: float | None) -> None:
        """Wait until the server has what was logged."""
        self.console.flush()
        timeout = await self.media.settled(timeout)
        position = self.journal.end
        self.journal.flush()
        if self.connection is not None:
            await PORTAL.acall(self.connection.wait_acked, position, timeout)

    def write_logs(self, text: str) -> None:
        """Add lines to the console, behind what was printed before."""
        self.console.add(text if text.endswith("\n") else text + "\n", Source.LINES)
        self.console.flush()

    def _write_output(self, text: str, at: float, source: Source) -> None:
        self.recorder.output(text, at, source)
        if self.settings.mode == "offline":
            # Online, the sender keeps the file, with the lines that it sends.
            self._local_log.add(text, at, source)

    def end(self, run: RunAttributes, exit_code: int) -> None:
        """Write what ends the journal, once."""
        # Looked at first: the lock may be held by a thread whose signal handler waits for us.
        if self.closed:
            return
        if not self.ended:
            self.observers.end()
            self.media.close()
        CAPTURE.stop(self.console)
        self.loggers.stop()
        if not self._end_journal(exit_code):
            return
        self.stop.end()
        leave_run(run)
        EXIT_WATCH.stop_if_idle()
        if self.connection is None:
            SIGTERM_WATCH.leave(run)

    def _end_journal(self, exit_code: int) -> bool:
        """Close the journal; False when another thread did."""
        with self._lock:
            if self.ended:
                return False
            self.system.stop()
            self.history.close()
            self.media.end()
            self.summary.checkpoint(time())
            self.console.close()
            self._local_log.close()
            self.ended = True
            self.telemetry.use(Feature.FINISH)
            self.recorder.write(self.telemetry.record(finished=True))
            self.recorder.end(exit_code, time() - self.start_time)
            self._state = "finished" if self.connection is None else "finishing"
            self.closed = True
            self.journal.close()
            if exit_code == 0 and self.settings.resume == "auto":
                forget_run(self.settings.root_dir, self.names.id)
            return True

    async def finish(
        self, run: RunAttributes, exit_code: int, timeout: float | None, quiet: bool | None
    ) -> None:
        """End the run; online: wait until the server has it."""
        first, began = not self.ended, monotonic()
        try:
            try:
                if first:
                    await self._settle(None if timeout is None else timeout * _SETTLE_SHARE)
            finally:
                self.end(run, exit_code)
            if self.connection is not None:
                if self._state in ("finished", "detached"):
                    return
                left = None if timeout is None else max(0.0, timeout - (monotonic() - began))
                delivered = await PORTAL.acall(self.connection.finish, left, timeout)
                self._state = "finished" if delivered else "unsent"
                self._leave(run)
        except Error:
            self._state = "unsent"
            self._leave(run)
            raise
        except BaseException:
            if self.connection is not None:
                # Cancelled: unless it is repeated, the process waits for the delivery at its end.
                self._finish_late(run, exit_code)
            raise
        if first:
            tell_end(self, quiet)

    async def detach(self, run: RunAttributes, exit_code: int) -> None:
        """End the run here; what the server does not have is left to a later sync."""
        first = not self.ended
        try:
            if first:
                await self._settle(_DETACH_SECONDS)
        finally:
            self.end(run, exit_code)
        if self.connection is not None:
            if self._state in ("finished", "detached"):
                return
            self._state = "detached"
            self._leave(run)
            await PORTAL.acall(self.connection.detach)
        if first:
            tell_end(self, quiet=None)

    async def _settle(self, timeout: float | None) -> None:
        """Let what others find out end: it is told by records and rows before the last one.

        Args:
            timeout: Seconds for each of them.
        """
        if self.connection is not None and self.connection.looking_up:
            await PORTAL.acall(self.connection.end_look_up, timeout)
        await self.survey.settled(timeout)
        await self.observers.drain(timeout)
        await self.media.drain(timeout)

    def _finish_late(self, run: RunAttributes, exit_code: int) -> None:
        if self._late is None:
            self._late = PORTAL.on_exit(
                partial(self.finish_at_exit, run, exit_code),
                budget_seconds=self.settings.exit_timeout + EXIT_GRACE_SECONDS,
            )

    def _leave(self, run: RunAttributes) -> None:
        """Nothing more will be sent by this process."""
        SIGTERM_WATCH.leave(run)
        forget, self._late = self._late, None
        if forget is not None:
            forget()

    async def finish_at_exit(
        self, run: RunAttributes, exit_code: int, budget_seconds: float
    ) -> None:
        """End a run that nobody finished, in at most `exit_timeout` seconds; never raises."""
        try:
            await self.finish(
                run, exit_code, min(budget_seconds, self.settings.exit_timeout), quiet=None
            )
        except Error as error:
            self.terminal.warning(str(error))

    def start_at(self, step: int) -> None:
        """Begin at a step of an earlier run, which the caller chose."""
        self.starting_step = step
        self.history.start_at(step, 0.0)

    def leave_to_parent(self) -> None:
        """In a forked child: nothing of the parent's is touched again."""
        self.forked = True
        # Another thread of the parent may have held the lock: nobody here would release it.
        self._lock = RLock()
        self.observers.leave_to_parent()
        self.media.leave_to_parent()
        self.config.leave_to_parent(self._lock)
        self.summary.leave_to_parent(self._lock)
        self.history.leave_to_parent(self._lock)
        self.stop.leave_to_parent()
        self.recorder.leave_to_parent()
        self.console.leave_to_parent()
        self.loggers.stop()
        self.system.leave_to_parent()
