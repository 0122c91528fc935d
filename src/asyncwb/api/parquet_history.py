"""History that a server has moved to Parquet files, and how it is joined with the live rows."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from asyncwb.columns import Columns, concat
from asyncwb.columns.arrow import from_arrow
from asyncwb.columns.frames import package
from asyncwb.errors import ProtocolError
from asyncwb.graphql import READ_POLICY
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence

    from asyncwb.api.history_source import Asked
    from asyncwb.graphql.service import Service

__all__ = ["ParquetFiles", "Seen", "fetch_file", "live_boundary", "parquet_files"]

_BATCH_ROWS = 8192
_WRITE_BYTES = 1 << 20


def live_boundary(live: Sequence[dict[str, Any]] | None) -> int | None:
    """The lowest step of rows that are in no file yet; None: there are none."""
    steps = [row.get("_step") for row in live or ()]
    return min((int(s) for s in steps if isinstance(s, (int, float))), default=None)


@asynccontextmanager
async def parquet_files(service: Service, urls: Sequence[str]) -> AsyncGenerator[ParquetFiles]:
    """Fetch the files into a folder that goes with the end of the block.

    Raises:
        UnsupportedError: pyarrow is not installed.
        CommError: A file could not be fetched.
        ProtocolError: It is no Parquet file with steps.
    """
    package("pyarrow.parquet", "export", "a history that the server keeps in Parquet files")
    folder = await offload(partial(TemporaryDirectory, prefix="asyncwb-history-"))
    try:
        paths = [Path(folder.name) / f"{number}.parquet" for number in range(len(urls))]
        for url, path in zip(urls, paths, strict=True):
            await fetch_file(service, url, path)
        yield await offload(ParquetFiles, paths)
    finally:
        await offload(folder.cleanup)


async def fetch_file(service: Service, url: str, path: Path) -> None:
    """Fetch one of them."""
    transport = await service.transport()
    file = await offload(path.open, "wb")
    try:
        pending = bytearray()
        async with transport.stream(
            url, policy=READ_POLICY, deadline_seconds=service.settings.file_timeout
        ) as pieces:
            async for piece in pieces:
                pending += piece
                if len(pending) >= _WRITE_BYTES:
                    await offload(file.write, bytes(pending))
                    pending.clear()
        await offload(file.write, bytes(pending))
    finally:
        file.close()


class ParquetFiles:
    """Rows of several Parquet files."""

    def __init__(self, paths: list[Path]) -> None:
        self._parquet = package("pyarrow.parquet", "export", "a history in Parquet files")
        self._paths = paths
        self._pa = package("pyarrow", "export", "a history in Parquet files")
        try:
            steps = [self._steps(path) for path in paths]
        except (self._pa.ArrowException, KeyError, OSError) as exc:
            raise ProtocolError(
                f"a Parquet file of history cannot be read: {exc}", exc=exc
            ) from exc
        whole: Any = np.concatenate(steps) if steps else np.zeros(0, np.int64)
        self.last_step = int(whole.max()) if len(whole) else -1
        self._ascending = bool((whole[1:] >= whole[:-1]).all())

    def _steps(self, path: Path) -> Any:
        table = self._parquet.ParquetFile(path).read(columns=["_step"])
        return np.asarray(table["_step"].to_numpy(), np.int64)

    async def columns(self, asked: Asked) -> AsyncGenerator[Columns, None]:
        """The rows that were asked for, in the order of their steps."""
        batches = self._batches(asked)
        if not self._ascending:
            batches = iter([(await offload(lambda: concat(self._batches(asked)))).within(0, None)])
        while (columns := await offload(next, batches, None)) is not None:
            if columns.count:
                yield columns

    def _batches(self, asked: Asked) -> Iterator[Columns]:
        for path in self._paths:
            with self._parquet.ParquetFile(path) as file:
                names = file.schema_arrow.names
                if asked.keys is not None and not set(asked.keys) <= set(names):
                    continue
                wanted = None if asked.keys is None else list(asked.columns)
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=wanted):
                    columns = from_arrow(batch).within(asked.min_step, asked.max_step)
                    yield columns if asked.keys is None else columns.having(asked.columns)


class Seen:
    """Which rows of files a live page must not bring again: known by step and time."""

    def __init__(self) -> None:
        self._rows: set[tuple[int, float]] = set()

    def add(self, columns: Columns) -> None:
        """Take note of rows."""
        self._rows.update(_identities(columns))

    def new(self, columns: Columns) -> Columns:
        """The rows that are not known."""
        known = np.fromiter(
            (row in self._rows for row in _identities(columns)), np.bool_, columns.count
        )
        return columns.take(~known) if known.any() else columns


def _identities(columns: Columns) -> Iterator[tuple[int, float]]:
    steps = columns.steps(0).tolist()
    stamp = columns.columns.get("_timestamp")
    times: list[Any] = [0.0] * columns.count if stamp is None else stamp.plain().tolist()
    return zip(steps, times, strict=True)
