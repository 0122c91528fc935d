"""One export under way; in asyncwb's loop."""

from __future__ import annotations

import logging
import time
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import anyio

from asyncwb.api.batches import closing
from asyncwb.api.history import begin_together, whole_history
from asyncwb.api.run import Run
from asyncwb.api.runs import Runs
from asyncwb.errors import CommError, Error, GraphQLError, UsageError
from asyncwb.export.groups import Groups
from asyncwb.export.manifest import NAME, Manifest, RunEntry, history_name, state_of
from asyncwb.export.result import ExportProgress, ExportResult
from asyncwb.export.runs_table import run_row, runs_columns
from asyncwb.export.tables import table_writer
from asyncwb.export.targets import check_ours, target_of
from asyncwb.portal.groups import first_of
from asyncwb.transport.offload import offload, offload_whole

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
    from pathlib import Path

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from asyncwb.api.history import HistoryScan
    from asyncwb.columns import Columns
    from asyncwb.export.manifest import Format, Kind
    from asyncwb.export.tables import TableWriter
    from asyncwb.export.targets import Target

__all__ = ["Job"]

log = logging.getLogger("asyncwb.export")

_SAVE_SECONDS = 2.0


class Job:
    """Exports runs.

    Attributes:
        on_progress: Called with each step; an error of it ends the export.
    """

    def __init__(
        self,
        runs: Runs | list[Run],
        to: str | os.PathLike[str],
        form: Format,
        keys: list[str] | None,
        concurrency: int,
    ) -> None:
        self._runs = runs
        self._to = to
        self._form: Format = form
        self._keys = keys
        self._concurrency = concurrency
        self._rows: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._entries: dict[tuple[str, str, str], RunEntry] = {}
        self._exported = self._kept = self._written = 0
        self._failures: list[tuple[str, Error]] = []
        self._numbers = 0
        self._saved_at = time.monotonic()
        self._saving = anyio.Lock()
        self._groups = Groups()
        self.on_progress: Callable[[ExportProgress], None] | None = None

    async def run(self) -> ExportResult:
        """Export everything; see `export`."""
        target = await offload(target_of, self._to)
        try:
            return await self._run(target)
        finally:
            await offload_whole(target.close)

    async def _run(self, target: Target) -> ExportResult:
        earlier = await self._earlier(target)
        await offload(_try_format, target, self._form)
        self._entries = {entry.key: entry for entry in earlier.history}
        await self._save(target)
        send, receive = anyio.create_memory_object_stream[list[Run]](0)
        try:
            async with anyio.create_task_group() as group:
                for _ in range(self._concurrency):
                    group.start_soon(self._work, target, receive.clone())
                receive.close()
                await self._feed(send)
        except BaseExceptionGroup as together:
            # What ended one ended all: the caller gets it as it was raised.
            raise first_of(together) from None
        if self._failures:
            await self._save(target)
            where, first = self._failures[0]
            raise CommError(
                f"{len(self._failures)} of {len(self._rows)} runs could not be exported, the first "
                f"is {where}: {first}. A second call does the rest",
                exc=first,
            ) from first
        return await self._finish(target)

    async def _earlier(self, target: Target) -> Manifest:
        """What an earlier call left."""
        text = await offload(check_ours, target)
        found = Manifest(format=self._form, keys=self._keys)
        if text is not None:
            found = Manifest.decode(text, target.name)
        if (found.format, found.keys) != (self._form, self._keys):
            raise UsageError(
                f"{target.name} holds an export with format={found.format!r}, keys={found.keys!r}: "
                "choose another place, or the same options"
            )
        await offload(target.clear)
        return found

    async def _feed(self, send: MemoryObjectSendStream[list[Run]]) -> None:
        group: list[Run] = []
        async with send, aclosing(self._each()) as runs:
            async for run in runs:
                if group and not self._groups.fits(group, run):
                    await send.send(group)
                    group = []
                group.append(run)
            if group:
                await send.send(group)

    async def _each(self) -> AsyncGenerator[Run, None]:
        if not isinstance(self._runs, Runs):
            for run in self._runs:
                yield run
            return
        async with aclosing(self._runs.items()) as runs:
            async for run in runs:
                yield run

    async def _total(self) -> int | None:
        if isinstance(self._runs, Runs):
            return await self._runs.length()
        return len(self._runs)

    async def _work(self, target: Target, groups: MemoryObjectReceiveStream[list[Run]]) -> None:
        async with groups:
            async for group in groups:
                due: list[tuple[Run, HistoryScan]] = []
                for run in group:
                    with self._noting_failures(run):
                        if await self._is_due(target, run):
                            due.append((run, run.scan_history(self._keys)))
                            continue
                    await self._report(target)
                await self._begin([scan for _, scan in due])
                for run, scan in due:
                    with self._noting_failures(run):
                        await self._export(target, run, scan)
                    await self._report(target)

    @contextmanager
    def _noting_failures(self, run: Run) -> Generator[None]:
        """The failure of a run does not stop the others."""
        try:
            yield
        except UsageError:
            raise
        except Error as exc:
            log.warning("%s was not exported: %s", "/".join(run.path), exc)
            self._failures.append(("/".join(run.path), exc))

    async def _report(self, target: Target) -> None:
        """Say how far it is, and note it from time to time."""
        if self.on_progress is not None:
            done = self._exported + self._kept + len(self._failures)
            self.on_progress(
                ExportProgress(runs=done, total=await self._total(), rows=self._written)
            )
        if time.monotonic() - self._saved_at > _SAVE_SECONDS:
            await self._save(target)

    async def _is_due(self, target: Target, run: Run) -> bool:
        """Whether the history of a run has to be written."""
        if run.lazy:
            await run.load()
        key = (run.entity, run.project, run.id)
        if key in self._rows:
            return False
        self._rows[key] = run_row(run)
        known = self._entries.get(key)
        if known is None or known.state != state_of(run) or run.state == "running":
            return True
        there = known.file is None or await offload(target.size, known.file) == known.bytes
        self._kept += there
        return not there

    async def _begin(self, scans: list[HistoryScan]) -> None:
        """Ask for the first pages in one request; where that fails, each scan asks for its own."""
        if not self._groups.allowed:
            return
        try:
            self._groups.learn(*await begin_together(scans))
        except CommError as exc:
            self._groups.allowed = not isinstance(exc, GraphQLError)
            log.debug("the first pages of %d runs did not come together: %s", len(scans), exc)

    async def _export(self, target: Target, run: Run, scan: HistoryScan) -> None:
        self._entries[run.entity, run.project, run.id] = await self._write(target, run, scan)
        self._exported += 1

    async def _write(self, target: Target, run: Run, scan: HistoryScan) -> RunEntry:
        """Write the history of one run."""
        entry = RunEntry(
            entity=run.entity, project=run.project, run_id=run.id, file=None, rows=0, bytes=0,
            columns={}, state=state_of(run),
        )  # fmt: skip
        read = whole_history(scan)
        if read is not None:
            await self._write_at_once(target, history_name(run, self._form), read, entry)
            return entry
        async with closing(scan.columns()) as batches:
            first = await anext(batches, None)
            if first is not None:
                entry.file = history_name(run, self._form)
                await self._write_table(target, entry.file, first, batches, entry)
        return entry

    async def _write_at_once(
        self, target: Target, name: str, read: Callable[[], Columns], entry: RunEntry
    ) -> None:
        """Write a table whose rows are all here, in one visit to a thread."""
        writer, draft = self._new_table(target)
        try:
            columns, size = await offload_whole(_write_file, writer, read, draft, target, name)
        finally:
            writer.discard()
        if columns.count:
            entry.file, entry.bytes, entry.columns = name, size, writer.kinds
            self._note_rows(entry, columns)

    def _new_table(self, target: Target) -> tuple[TableWriter, Path]:
        self._numbers += 1
        draft = target.scratch / f"{self._numbers}.{self._form}"
        return table_writer(draft, self._form), draft

    async def _write_table(
        self,
        target: Target,
        name: str,
        first: Columns,
        others: AsyncIterator[Columns],
        entry: RunEntry,
    ) -> None:
        """Write one table, and note its rows, size and columns."""
        writer, draft = self._new_table(target)
        try:
            last = first
            async for columns in others:
                await offload_whole(writer.add, last)
                self._note_rows(entry, last)
                last = columns
            entry.bytes = await offload_whole(_finish_file, writer, last, draft, target, name)
            self._note_rows(entry, last)
        finally:
            writer.discard()
        entry.columns = writer.kinds

    def _note_rows(self, entry: RunEntry, columns: Columns) -> None:
        entry.rows += columns.count
        self._written += columns.count

    async def _finish(self, target: Target) -> ExportResult:
        """Write the table of runs, and the manifest for good."""
        manifest = self._manifest()
        if self._rows:
            name = f"runs.{self._form}"
            draft = target.scratch / name
            rows = [self._rows[key] for key in sorted(self._rows)]
            manifest.runs_columns = await offload(_write_runs, rows, draft, self._form)
            await offload(target.put, draft, name)
            manifest.runs_file = name
        manifest.complete = True
        await self._put(target, manifest)
        return ExportResult(
            to=target.name, runs=manifest.runs, exported=self._exported, kept=self._kept,
            rows=manifest.rows,
        )  # fmt: skip

    def _manifest(self) -> Manifest:
        entries = [self._entries[key] for key in sorted(self._entries)]
        return Manifest(
            format=self._form, keys=self._keys, history=entries, runs=len(entries),
            rows=sum(entry.rows for entry in entries),
        )  # fmt: skip

    async def _save(self, target: Target) -> None:
        """Note what is done, so that a second call need not do it again."""
        self._saved_at = time.monotonic()
        await self._put(target, self._manifest())

    async def _put(self, target: Target, manifest: Manifest) -> None:
        async with self._saving:
            draft = target.scratch / NAME
            await offload_whole(draft.write_bytes, manifest.encode())
            await offload_whole(target.put, draft, NAME)


def _try_format(target: Target, form: Format) -> None:
    """Import what the format needs, and see that its files can be written."""
    table_writer(target.scratch / "probe", form).close()


def _write_file(
    writer: TableWriter, read: Callable[[], Columns], draft: Path, target: Target, name: str
) -> tuple[Columns, int]:
    """Read rows, and write a file of them where there are some; its size."""
    columns = read()
    return columns, _finish_file(writer, columns, draft, target, name) if columns.count else 0


def _finish_file(writer: TableWriter, last: Columns, draft: Path, target: Target, name: str) -> int:
    """Complete a file with its last rows, and move it to its place; its size."""
    writer.add(last)
    writer.close()
    size = draft.stat().st_size
    target.put(draft, name)
    return size


def _write_runs(rows: list[dict[str, Any]], draft: Path, form: Format) -> dict[str, Kind]:
    """Write the table of runs; what its columns hold."""
    writer = table_writer(draft, form)
    try:
        writer.add(runs_columns(rows))
        writer.close()
    finally:
        writer.discard()
    return writer.kinds
