"""One export under way; in asyncwb's loop."""

from __future__ import annotations

import logging
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio

from asyncwb.api.batches import closing
from asyncwb.api.run import Run
from asyncwb.api.runs import Runs
from asyncwb.errors import CommError, Error, UsageError
from asyncwb.export.manifest import NAME, Manifest, RunEntry, history_name, state_of
from asyncwb.export.result import ExportProgress, ExportResult
from asyncwb.export.runs_table import run_row, runs_columns
from asyncwb.export.tables import table_writer
from asyncwb.export.targets import check_ours, target_of
from asyncwb.portal.groups import first_of
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, AsyncIterator, Callable
    from pathlib import Path

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from asyncwb.columns import Columns
    from asyncwb.export.manifest import Format, Kind
    from asyncwb.export.tables import TableWriter
    from asyncwb.export.targets import Target

__all__ = ["Job"]

log = logging.getLogger("asyncwb.export")

P = ParamSpec("P")
T = TypeVar("T")

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
        self.on_progress: Callable[[ExportProgress], None] | None = None

    async def run(self) -> ExportResult:
        """Export everything; see `export`."""
        target = await offload(target_of, self._to)
        try:
            return await self._run(target)
        finally:
            await _whole(target.close)

    async def _run(self, target: Target) -> ExportResult:
        earlier = await self._earlier(target)
        await offload(table_writer(target.scratch / "probe", self._form).close)
        self._entries = {entry.key: entry for entry in earlier.history}
        await self._save(target)
        send, receive = anyio.create_memory_object_stream[Run](0)
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

    async def _feed(self, send: MemoryObjectSendStream[Run]) -> None:
        async with send:
            if not isinstance(self._runs, Runs):
                for run in self._runs:
                    await send.send(run)
                return
            async with aclosing(self._runs.items()) as runs:
                async for run in runs:
                    await send.send(run)

    async def _total(self) -> int | None:
        if isinstance(self._runs, Runs):
            return await self._runs.length()
        return len(self._runs)

    async def _work(self, target: Target, runs: MemoryObjectReceiveStream[Run]) -> None:
        async with runs:
            async for run in runs:
                try:
                    await self._export(target, run)
                except UsageError:
                    raise
                except Error as exc:
                    log.warning("%s was not exported: %s", "/".join(run.path), exc)
                    self._failures.append(("/".join(run.path), exc))
                if self.on_progress is not None:
                    done = self._exported + self._kept + len(self._failures)
                    self.on_progress(
                        ExportProgress(runs=done, total=await self._total(), rows=self._written)
                    )
                if time.monotonic() - self._saved_at > _SAVE_SECONDS:
                    await self._save(target)

    async def _export(self, target: Target, run: Run) -> None:
        if run.lazy:
            await run.load()
        key = (run.entity, run.project, run.id)
        if key in self._rows:
            return
        self._rows[key] = run_row(run)
        known = self._entries.get(key)
        if known is not None and known.state == state_of(run) and run.state != "running":
            there = known.file is None or await offload(target.size, known.file) == known.bytes
            if there:
                self._kept += 1
                return
        self._entries[key] = await self._write(target, run)
        self._exported += 1

    async def _write(self, target: Target, run: Run) -> RunEntry:
        """Write the history of one run."""
        entry = RunEntry(
            entity=run.entity, project=run.project, run_id=run.id, file=None, rows=0, bytes=0,
            columns={}, state=state_of(run),
        )  # fmt: skip
        async with closing(run.scan_history(self._keys).columns()) as batches:
            first = await anext(batches, None)
            if first is not None:
                name = history_name(run, self._form)
                await self._write_table(target, name, _with(first, batches), entry)
                entry.file = name
        return entry

    async def _write_table(
        self, target: Target, name: str, batches: AsyncIterator[Columns], entry: RunEntry
    ) -> None:
        """Write one table, and note its rows, size and columns."""
        self._numbers += 1
        draft = target.scratch / f"{self._numbers}.{self._form}"
        writer = await _whole(table_writer, draft, self._form)
        try:
            async for columns in batches:
                await _whole(writer.add, columns)
                entry.rows += columns.count
                self._written += columns.count
            entry.bytes = await _whole(_finish_file, writer, draft, target, name)
        finally:
            writer.discard()
        entry.columns = writer.kinds

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
            await _whole(draft.write_bytes, manifest.encode())
            await _whole(target.put, draft, NAME)


async def _whole(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call in a thread and wait for its end, cancelled or not: it must not write on afterwards."""
    found: list[T] = []
    with anyio.CancelScope(shield=True):
        found.append(await offload(fn, *args, **kwargs))
    return found[0]


async def _with(first: Columns, batches: AsyncIterator[Columns]) -> AsyncGenerator[Columns, None]:
    yield first
    async for columns in batches:
        yield columns


def _finish_file(writer: TableWriter, draft: Path, target: Target, name: str) -> int:
    """Complete a file and move it to its place; its size."""
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
