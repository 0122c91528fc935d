"""One table, written a batch of columns at a time."""

from __future__ import annotations

import csv
import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TextIO, cast

from asyncwb import jsonx
from asyncwb.columns import Columns, concat, frames
from asyncwb.export.kinds import arrow_type, kind_of, merged, recast

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from asyncwb.columns import Column
    from asyncwb.export.manifest import Format, Kind

__all__ = ["TableWriter", "table_writer"]

_MARKS = {"json": frames.JSON_MARK}
_SPILL_BYTES = 8 << 20
_BUFFER_BYTES = 64 << 10
_OBJECT_BYTES = 64


class TableWriter(Protocol):
    """Writes one file. Its methods wait: call in a thread."""

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each column holds, so far."""
        ...

    def add(self, columns: Columns) -> None:
        """Append rows; their columns may be others than before."""
        ...

    def close(self) -> None:
        """Complete the file."""
        ...

    def discard(self) -> None:
        """Let go of what is open; harmless after `close`."""
        ...


def table_writer(path: Path, form: Format) -> TableWriter:
    """A writer of a new file, which is made with the first rows, or the end.

    Raises:
        UnsupportedError: The package for the format is not installed.
    """
    if form in ("parquet", "arrow"):
        return _ArrowWriter(path, parquet=form == "parquet")
    return _JsonWriter(path) if form == "jsonl" else _CsvWriter(path)


class _ArrowWriter:
    """Parquet, or the Arrow IPC file format.

    A file has one type per column, which is known when the last row is there: rows of about 8 MiB
    at a time wait in files of their own, and are brought to the types of all.
    """

    def __init__(self, path: Path, *, parquet: bool) -> None:
        self._pa = frames.package("pyarrow", "export", "an export to Parquet or Arrow")
        self._path = path
        self._parquet = parquet
        self._waiting: list[Columns] = []
        self._bytes = 0
        self._spilled: list[tuple[Path, dict[str, Kind]]] = []
        self.kinds: dict[str, Kind] = {}

    def add(self, columns: Columns) -> None:
        self._waiting.append(columns)
        self._bytes += sum(map(_bytes_of, columns.columns.values()))
        if self._bytes >= _SPILL_BYTES:
            self._spill()

    def _take(self) -> tuple[Any, dict[str, Kind]]:
        columns = concat(self._waiting)
        self._waiting, self._bytes = [], 0
        kinds: dict[str, Kind] = {key: kind_of(column) for key, column in columns.columns.items()}
        for key, kind in kinds.items():
            self.kinds[key] = merged(self.kinds.get(key), kind)
        return frames.to_arrow(columns), kinds

    def _spill(self) -> None:
        table, kinds = self._take()
        path = self._path.with_name(f"{self._path.name}-{len(self._spilled)}")
        with self._pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
        self._spilled.append((path, kinds))

    def close(self) -> None:
        if not self._spilled:
            table, _ = self._take()
            with self._open(table.schema) as writer:
                writer.write_table(table)
            return
        if self._waiting:
            self._spill()
        pa = self._pa
        fields = [
            pa.field(
                key, arrow_type(pa, kind), metadata=frames.JSON_MARK if kind == "json" else None
            )
            for key, kind in self.kinds.items()
        ]
        schema = pa.schema(fields)
        with self._open(schema) as writer:
            for path, kinds in self._spilled:
                with pa.ipc.open_file(path) as file:
                    table = file.read_all()
                arrays = [
                    recast(pa, table[key].combine_chunks(), kinds[key], kind)
                    if key in kinds
                    else pa.nulls(len(table), arrow_type(pa, kind))
                    for key, kind in self.kinds.items()
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                path.unlink()

    def discard(self) -> None:
        self._waiting = []

    @contextmanager
    def _open(self, schema: Any) -> Generator[Any]:
        pa = self._pa
        file = pa.OSFile(str(self._path), "wb")
        with (
            pa.BufferedOutputStream(file, _BUFFER_BYTES) as out,
            self._writer(out, schema) as writer,
        ):
            yield writer

    def _writer(self, out: Any, schema: Any) -> Any:
        if not self._parquet:
            return self._pa.ipc.new_file(out, schema)
        parquet = frames.package("pyarrow.parquet", "export", "an export to Parquet")
        # Numbers seldom repeat: a dictionary of them costs time and space.
        texts = [f.name for f in schema if f.type == self._pa.string()]
        return parquet.ParquetWriter(out, schema, compression="zstd", use_dictionary=texts)


def _bytes_of(column: Column) -> int:
    """About how much memory a column takes."""
    if column.values.dtype != object:
        return column.values.nbytes
    values: list[object] = column.values.tolist()
    return sum(_OBJECT_BYTES + (len(value) if isinstance(value, str) else 0) for value in values)


class _JsonWriter:
    """One JSON object per line, with the bare tokens `NaN`, `Infinity` and `-Infinity`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self.kinds: dict[str, Kind] = {}

    def add(self, columns: Columns) -> None:
        for key, column in columns.columns.items():
            self.kinds[key] = merged(self.kinds.get(key), kind_of(column))
        file = self._opened()
        for row in columns.rows():
            file.write(jsonx.encode(row) + b"\n")

    def close(self) -> None:
        self._opened().close()

    def discard(self) -> None:
        if self._file is not None:
            self._file.close()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("wb")
        return self._file


class _CsvWriter:
    """Comma-separated values: the header is known when the last row is there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(path.name + "-0")
        self._rows = _JsonWriter(self._draft)

    @property
    def kinds(self) -> dict[str, Kind]:
        return self._rows.kinds

    def add(self, columns: Columns) -> None:
        self._rows.add(columns)

    def close(self) -> None:
        self._rows.close()
        with (
            self._draft.open("rb") as rows,
            self._path.open("w", newline="", encoding="utf-8") as out,
        ):
            self._write(rows, out)
        self._draft.unlink()

    def discard(self) -> None:
        self._rows.close()

    def _write(self, rows: Any, out: TextIO) -> None:
        keys = list(self.kinds)
        writer = csv.writer(out)
        writer.writerow(keys)
        for line in rows:
            row = cast("dict[str, Any]", jsonx.decode(line))
            writer.writerow([_cell(row.get(key), self.kinds[key]) for key in keys])


def _cell(value: Any, kind: Kind) -> Any:
    """A value as CSV has it: nothing where there is none."""
    if value is None:
        return ""
    if kind == "json" or isinstance(value, bool):
        return jsonx.encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value):
        return jsonx.encode(value).decode()
    return value
