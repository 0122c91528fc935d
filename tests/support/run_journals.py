"""Reads the journals of runs back, record by record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asyncwb import jsonx
from asyncwb.journal import JournalReader, records
from asyncwb.journal.records import HistoryRecord


def bodies(journal: str | Path | None) -> list[Any]:
    """Every record of a journal file, decoded."""
    assert journal is not None
    reader = JournalReader.open(Path(journal))
    found: list[Any] = []
    while batch := reader.read_batch(1 << 20, 1000):
        found += [records.decode(record.payload).body for record in batch]
    assert reader.damage == []
    reader.close()
    return found


def rows(journal: str | Path | None) -> list[dict[str, Any]]:
    """The history rows of a journal file, nested, with the reserved keys."""
    found: list[dict[str, Any]] = []
    for body in bodies(journal):
        if isinstance(body, HistoryRecord):
            row: dict[str, Any] = {}
            for item in body.item:
                target = row
                path = item.nested_key or [item.key]
                for key in path[:-1]:
                    target = target.setdefault(key, {})
                target[path[-1]] = jsonx.decode(item.value_json)
            assert body.step is not None
            assert body.step.num == row["_step"]
            found.append(row)
    return found


def user_rows(journal: str | Path | None) -> list[dict[str, Any]]:
    """Rows without `_timestamp` and `_runtime`."""
    return [
        {key: value for key, value in row.items() if key not in ("_timestamp", "_runtime")}
        for row in rows(journal)
    ]
