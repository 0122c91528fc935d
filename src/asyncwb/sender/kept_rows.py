"""Rows that a killed process left without their media: completed, before they are sent."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.journal import JournalReader, records
from asyncwb.journal.records import FileItem, FilesRecord, HistoryRecord, Item, KeptRow, RunRecord
from asyncwb.journal.repair import append_at
from asyncwb.journal.rows import RowDecoder, RowEncoder, completing
from asyncwb.media.content import Content
from asyncwb.media.files import MediaFiles
from asyncwb.media.raw import Raw, source_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from asyncwb.types import FileKind, FilePolicy

__all__ = ["complete_rows"]

log = logging.getLogger("asyncwb.sender")

_HISTORY, _FILES, _RUN = 2, 6, 17
_MEDIA = 2
_SLICE_BYTES, _SLICE_RECORDS = 1 << 20, 10_000
# Of a row that completes another: the tag of its number, and at most so much behind it.
_MARK, _MARK_BYTES = b"\xc0\x3e", 12


def complete_rows(journal: Path) -> int:
    """Encode what such rows wait for, and write them behind the last record. Blocks.

    Done again, or after an interruption, it writes no row twice. A value that cannot be encoded
    any more is left out of its row, with a warning.

    Args:
        journal: A journal that nobody writes.

    Returns:
        How many rows were completed.

    Raises:
        JournalError: The journal cannot be read.
        OSError: The disk failed.
    """
    folder = journal.parent / "kept"
    if not folder.is_dir():
        return 0
    with JournalReader.open(journal) as reader:
        waiting = _waiting(reader)
        position = reader.position
    for kept, shift in waiting:
        added = _Records()
        files = MediaFiles(journal.parent / "files", added)
        row = _completed(kept, folder / str(kept.number), files)
        payload = _encoded(row, kept, shift)
        position = append_at(journal, position, [*added.payloads, payload])
    # Only now: whatever is in it belongs to rows that are complete.
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
    return len(waiting)


class _Records:
    """Collects the records that media need besides their row."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def files(
        self, names: Sequence[str], policy: FilePolicy = "now", kind: FileKind = "other"
    ) -> None:
        """Ask for the upload of files."""
        del policy, kind
        items = [FileItem(name, 0, _MEDIA) for name in names]
        self.payloads.append(records.encode(FilesRecord(files=items)))

    def nested_config(self, path: Sequence[str], value: object) -> None:
        """Set a value below the top level of the config."""
        item = Item(nested_key=list(path), value_json=jsonx.encode(value).decode())
        self.payloads.append(records.encode(records.ConfigRecord(update=[item])))


def _waiting(reader: JournalReader) -> list[tuple[KeptRow, RunRecord]]:
    """The rows that no record completes, and what is known since of where the run began."""
    waiting: dict[int, tuple[KeptRow, RunRecord]] = {}
    nothing = RunRecord()
    while batch := reader.read_batch(_SLICE_BYTES, _SLICE_RECORDS):
        for payload, _ in batch:
            number = records.field_number(payload)
            if number == _HISTORY:
                if payload.rfind(_MARK, -_MARK_BYTES) >= 0:
                    row = cast("HistoryRecord", records.decode(payload).body)
                    waiting.pop(row.kept, None)
            elif number == _FILES:
                kept = cast("FilesRecord", records.decode(payload).body).kept
                if kept is not None:
                    waiting[kept.number] = (kept, nothing)
            elif number == _RUN:
                run = cast("RunRecord", records.decode(payload).body)
                if run.resumed:
                    # Those that were logged before the server said where its run ended.
                    waiting = {key: (kept, run) for key, (kept, _) in waiting.items()}
    return list(waiting.values())


def _completed(kept: KeptRow, data: Path, files: MediaFiles) -> dict[str, Any]:
    """The row, with its media encoded and their files written."""
    line = RowDecoder().to_line(kept.row)
    lost: list[list[str]] = []
    offset = 0
    for part in cast("list[dict[str, Any]]", jsonx.decode(kept.parts or "[]")):
        ends = offset + sum(sum(file["sizes"]) for file in part["files"])
        try:
            for file in part["files"]:
                line = _with_file(line, file, data, offset, files)
                offset += sum(file["sizes"])
        except Exception as exc:  # noqa: BLE001  a library's encoder; the row goes without
            name = ".".join(part["path"])
            log.warning("%r of a run that was killed cannot be encoded: %s", name, exc)
            lost.append(part["path"])
        offset = ends
    row = cast("dict[str, Any]", jsonx.decode(line))
    for path in lost:
        node = row
        for name in path[:-1]:
            node = node[name]
        del node[path[-1]]
    return row


def _with_file(
    line: bytes, file: dict[str, Any], data: Path, offset: int, files: MediaFiles
) -> bytes:
    """Make a file, and put what it tells in the place of its marks."""
    parts: list[bytes] = []
    with data.open("rb") as source:
        source.seek(offset)
        for size in file["sizes"]:
            parts.append(source.read(size))
            if len(parts[-1]) < size:
                raise OSError(f"{data} is too short")
    content = Content(source_of(Raw(file["kind"], file["facts"], parts)), file["suffix"])
    folder, mark = file["folder"], file["mark"].encode()
    facts = files.keep(
        content.pieces(fast=file["fast"]), kind=folder, name=file["name"], suffix=content.suffix
    )
    path = jsonx.encode(facts["path"].removeprefix(f"media/{folder}/"))[1:-1]
    line = line.replace(b'"size-%b"' % mark, b"%d" % facts["size"])
    line = line.replace(b"sha256-%b" % mark, facts["sha256"].encode())
    return line.replace(mark, path)


def _encoded(row: dict[str, Any], kept: KeptRow, began: RunRecord) -> bytes:
    payload = RowEncoder().encode(
        row,
        step=row["_step"] + began.starting_step,
        timestamp=row["_timestamp"],
        runtime=row["_runtime"] + began.runtime,
    )
    return completing(payload, kept.number)
