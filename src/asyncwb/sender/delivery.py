"""The journey of one journal to the server: open the run, stream its rows, finish it."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

import anyio
from anyio.lowlevel import checkpoint

from asyncwb.errors import CommError, Error, JournalError
from asyncwb.filestream import Chunk, FileStream, Pacer
from asyncwb.graphql import GraphQL
from asyncwb.journal.records import ExitRecord, field_number
from asyncwb.sender.ack import Ack, AckKeeper
from asyncwb.sender.attachments import Attachments
from asyncwb.sender.config_updates import ConfigUpdates
from asyncwb.sender.console_output import ConsoleOutput
from asyncwb.sender.finishing import final_files
from asyncwb.sender.opening import Opener
from asyncwb.sender.tail import Tail
from asyncwb.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asyncwb.journal import JournalReader, RawRecord
    from asyncwb.portal.alarm import Alarm
    from asyncwb.sender.artifact_queue import Errand
    from asyncwb.sender.fold import Fold
    from asyncwb.sender.progress import DeliveryOptions, Progress
    from asyncwb.sender.status import Phase
    from asyncwb.sender.target import RunTarget
    from asyncwb.settings import Settings
    from asyncwb.transport import RetryState, TransportConfig

__all__ = ["Delivery"]

log = logging.getLogger("asyncwb.sender")

# Line data of one post while catching up: cheap, and encoded within 5 ms.
_BATCH_BYTES = 1024 * 1024
_HISTORY_FIELD = 2
_CRASHED = 1  # exit code of a run whose journal has no exit record, as `wandb sync` gives it


class Delivery:
    """One attempt to deliver a journal; made and run by `Sender`.

    Args:
        reader: At the start of the journal.
        fold: Empty.
        progress: Updated as things happen.
        settings: Timeouts, pacing, resume mode.
        run_dir: The run's folder.
        config: Server and credentials.
        options: How to treat the journal.
        alarm: Rung when the journal grew or somebody waits.
        tell: Called after each change of `progress`.
    """

    def __init__(
        self,
        reader: JournalReader,
        fold: Fold,
        progress: Progress,
        *,
        settings: Settings,
        run_dir: Path,
        config: TransportConfig,
        options: DeliveryOptions,
        alarm: Alarm,
        tell: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._fold = fold
        self._progress = progress
        self._settings = settings
        self._run_dir = run_dir
        self._config = config
        self._options = options
        self._alarm = alarm
        self._tell = tell
        self._pacer = Pacer(
            interval_seconds=settings.transmit_interval if options.follow else 0.0,
            heartbeat_seconds=settings.heartbeat_seconds,
        )
        self._tail = Tail(reader, alarm)
        self._errands: list[tuple[int, Errand]] = []
        self._replay_to = 0
        self._before_exit: int | None = None
        self._keeper = AckKeeper(reader.path)

    async def run(self) -> None:
        """Deliver everything; returns when the run is finished.

        Raises:
            UsageError: `resume` forbids what is on the server.
            CommError: The server refused something; rows that it has stay there.
            JournalError: The journal names no run.
        """
        transport = await Transport.shared(self._config)
        await self._read_run()
        writer = self._fold.writer
        self._graphql = GraphQL(transport, deadline_seconds=120.0, headers=writer.graphql_headers)
        self._enter("connecting")
        self._opener = Opener(
            self._graphql,
            self._fold,
            server=self._config.root,
            program=self._settings.program,
            patience_seconds=self._options.patience_seconds,
            on_retry=self._on_retry,
        )
        self._target = await self._open()
        self._updates = ConfigUpdates(
            self._opener, self._fold, self._progress, self._target, self._tell
        )
        self._stream = FileStream(
            transport,
            entity=self._target.entity,
            project=self._target.project,
            run_id=self._target.run_id,
            headers=writer.stream_headers,
            patience_seconds=self._options.patience_seconds,
            on_retry=self._on_retry,
            on_answer=lambda answer: self._pacer.answered(answer.headers),
        )
        self._enter("streaming")
        failure: Error | None = None
        async with anyio.create_task_group() as group:
            self.attachments = Attachments(
                transport,
                self._graphql,
                self._target,
                self._run_dir / "files",
                settings=self._settings,
                config=self._config,
                options=self._options,
                ack=self._ack,
                keeper=self._keeper,
                progress=self._progress,
                group=group,
                ring=self._ring,
                on_retry=self._note_retry,
            )
            uploads = self.attachments.uploads
            self._console = ConsoleOutput(self._fold, self._graphql, uploads, self._settings)
            # Raised inside, an error would come out wrapped into a group.
            try:
                await self._follow(self.attachments)
                await self._finish(self.attachments)
            except Error as exc:
                failure = exc
                group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        """Write down how far it came; after `run`, however that ended."""
        if self.attachments is not None:
            self.attachments.uploads.close()
        if self._progress.target is not None:
            await self._keeper.store(self._ack)

    attachments: Attachments | None = None
    _graphql: GraphQL
    _opener: Opener
    _updates: ConfigUpdates
    _target: RunTarget
    _stream: FileStream
    _ack: Ack

    def _enter(self, phase: Phase) -> None:
        self._progress.phase = phase
        self._tell()

    def _ring(self) -> None:
        self._alarm.ring()
        self._tell()

    def _on_retry(self, state: RetryState) -> None:
        self._pacer.refused(state.status)
        self._note_retry(state)

    def _note_retry(self, state: RetryState) -> None:
        self._progress.retries += 1
        self._progress.last_error = state.reason
        self._tell()

    async def _read_run(self) -> None:
        """Read up to the run record, and on to the first row, so that its config is complete."""
        tail = self._tail
        while True:
            more = tail.read()
            while tail.waiting and field_number(tail.waiting[0].payload) != _HISTORY_FIELD:
                self._feed(tail.take())
            if self._fold.known:
                return
            if tail.waiting or not (more or self._options.follow):
                raise JournalError(f"{self._run_dir.name}: the journal names no run")
            if not more:
                await tail.sleep()

    async def _open(self) -> RunTarget:
        journal, recover = self._reader.path, self._options.recover
        resume = self._settings.resume if self._options.follow else None
        if resume is None and self._fold.run.resume:
            resume = "allow"
        ack = await self._keeper.load()
        opened = await self._opener.open(ack, resume, journal if recover else None)
        self._ack = opened.ack
        acked = self._progress.acked = opened.ack.position
        if self._progress.position <= acked:
            self._fold.discard()
        # What is read already counts: the next record may be the first that the server lacks.
        self._replay_to = acked if acked > self._progress.position else 0
        self._progress.target, self._progress.resumed = opened.target, opened.resumed
        self._progress.inherited, self._progress.last_error = opened.inherited, ""
        # The start offsets must be on disk before the first line is sent.
        await self._keeper.store(self._ack)
        return opened.target

    async def _follow(self, attachments: Attachments) -> None:
        """Send what the journal holds, and what comes, until its end."""
        fold, progress, uploads = self._fold, self._progress, attachments.uploads
        attachments.take_files(fold, 0)
        for position, errand in self._errands:
            attachments.take_errand(position, errand)
        self._errands.clear()
        while True:
            at_tail = await self._fill()
            await self._console.attend(progress.position)
            if at_tail and (fold.exit is not None or not self._options.follow):
                return
            flushing = progress.flush_to > progress.settled
            now = time.monotonic()
            uploads.start_due(now, hurry=flushing)
            await self._send_alerts(attachments)
            await self._updates.attend(now, at_once=flushing)
            hurry = flushing or not at_tail or fold.preempting or not self._options.follow
            urgent, silence = fold.urgent or bool(uploads.committed), progress.longest_silence
            if urgent or fold.pending:
                # System metrics alone are no reason for a request: they go with the heartbeat.
                wait = self._pacer.wait_seconds(now, hurry=hurry, idle=not urgent, at_most=silence)
            else:
                self._advance(progress.position)
                wait = self._pacer.heartbeat_wait_seconds(now, at_most=silence)
            if wait <= 0:
                await self._post()
                continue
            for due in (self._updates.due, uploads.due_at):
                if due is not None:
                    wait = min(wait, due - now)
            # While rows wait for their time, more of them are no reason to wake up.
            await self._tail.sleep(max(0.0, wait), asleep=not fold.urgent)

    async def _fill(self) -> bool:
        """Fold records until a batch is full; True: the journal has no more for now."""
        while self._fold.size < _BATCH_BYTES:
            if not self._tail.waiting and not self._tail.read():
                return True
            while self._tail.waiting:
                self._feed(self._tail.take())
                if self._fold.size >= _BATCH_BYTES:
                    break
            if self._replay_to:
                self._fold.discard()
            await checkpoint()
        return False

    def _feed(self, record: RawRecord) -> None:
        fold, ended = self._fold, self._fold.exit is not None
        try:
            fold.feed(record.payload)
        except Error as exc:
            self._progress.unreadable += 1
            log.warning("a record before byte %d is left out: %s", record.end_position, exc)
        if fold.exit is not None and not ended:
            self._before_exit = self._progress.position
        self._progress.position = record.end_position
        if fold.files and self.attachments is not None:
            self.attachments.take_files(fold, record.end_position)
        if fold.errands:
            self._take_errands(record.end_position)
        if self._replay_to and record.end_position >= self._replay_to:
            fold.discard()
            self._replay_to = 0

    async def _post(self, *, exit_code: int | None = None, final: bool = False) -> None:
        """Send what waits (nothing: a heartbeat) and note that it arrived."""
        progress, fold, attachments = self._progress, self._fold, self.attachments
        position = progress.position
        if self._before_exit is not None and not final:
            # The exit record counts as delivered by the last request alone.
            position = self._before_exit
        rows = fold.waiting_rows
        preempting, fold.preempting = fold.preempting, False
        chunk = Chunk(
            blocks=fold.take(self._ack),
            uploaded=attachments.uploads.take_committed() if attachments is not None else [],
            preempting=preempting,
            exit_code=exit_code,
        )
        self._pacer.sent(time.monotonic())
        answer = await self._stream.send(chunk)
        progress.bytes_sent += answer.bytes_sent
        if answer.error is not None:
            raise answer.error
        progress.rows_sent += rows
        progress.last_error = ""
        if answer.stopped:
            progress.note_stop()
        self._advance(position)
        await self._keeper.store_sometimes(self._ack)

    def _advance(self, position: int) -> None:
        """Everything before `position` arrived, but for what is still on its way."""
        progress = self._progress
        if self._before_exit is not None and progress.phase == "streaming":
            position = min(position, self._before_exit)
        self._ack.position = progress.acked = max(progress.acked, position)
        self._reader.release(progress.acked)
        if not self._fold.config_dirty and not self._fold.alerts:
            settled = progress.acked
            asked_from = None if self.attachments is None else self.attachments.asked_from
            if asked_from is not None:
                settled = min(settled, asked_from - 1)
            if self._before_exit is not None:
                # Who waits for the end waits until the ack says so, too.
                settled = min(settled, self._before_exit)
            progress.settled = max(progress.settled, settled)
        self._tell()

    async def _send_alerts(self, attachments: Attachments) -> None:
        if (error := await attachments.alerts.send(self._fold.alerts)) is not None:
            self._progress.last_error = str(error)

    def _take_errands(self, position: int) -> None:
        errands, self._fold.errands = self._fold.errands, []
        for errand in errands:
            if self.attachments is None:
                self._errands.append((position, errand))
            else:
                self.attachments.take_errand(position, errand)

    async def _finish(self, attachments: Attachments) -> None:
        """Files, config, the rest of the rows; last of all the exit code."""
        self._enter("finishing")
        fold, uploads = self._fold, attachments.uploads
        ending = fold.exit or ExitRecord(exit_code=_CRASHED)
        # After a full disk: what was delivered from memory counts more than this journal's summary.
        if behind := self._replay_to > 0:
            log.warning("%s ends before what the server has", self._run_dir.name)
            fold.discard()
        await self._send_alerts(attachments)
        names = await final_files(fold, self._run_dir / "files", summary=not behind)
        uploads.want(dict.fromkeys(names, "end"), self._progress.position)
        await self._console.finish(self._progress.position)
        failure: Error | None = None
        try:
            await self._opener.update(self._target)
        except CommError as exc:
            log.warning("the last config was not delivered: %s", exc)
            failure = exc
        await self._send_rest(attachments)
        complete = fold.writer.ends_run and not ending.not_complete
        await self._post(exit_code=ending.exit_code if complete else None, final=True)
        failure = failure or attachments.failure()
        if failure is not None:
            raise failure
        await attachments.close()
        self._ack.finished = True
        self._ack.lost = len(self._reader.damage) + self._fold.lost + self._progress.unreadable
        await self._keeper.store(self._ack)
        self._progress.settled = self._progress.acked
        self._enter("finished")

    async def _send_rest(self, attachments: Attachments) -> None:
        """Send all files and artifacts; rows and heartbeats go on meanwhile."""
        attachments.start_rest()
        while not attachments.complete:
            wait = self._pacer.heartbeat_wait_seconds(time.monotonic())
            if self._fold.pending or wait <= 0:
                await self._post()
            else:
                await self._alarm.sleep(wait)
