"""Run folders written record by record, as a crashed or offline process leaves them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import asyncwb.journal.records as rec
from asyncwb.journal.framing import FILE_HEADER, frame

if TYPE_CHECKING:
    from pathlib import Path

START = 1_795_224_000


def item(key: str, value: Any) -> rec.Item:
    return rec.Item(key=key, value_json=json.dumps(value))


def run_record(run_id: str, project: str = "demo", **fields: Any) -> rec.RunRecord:
    record = rec.RunRecord(run_id=run_id, project=project)
    record.start_time = rec.Timestamp(seconds=START)
    for name, value in fields.items():
        setattr(record, name, value)
    return record


def config_record(**values: Any) -> rec.ConfigRecord:
    return rec.ConfigRecord(update=[item(key, value) for key, value in values.items()])


def row_record(step: int, *, at: float | None = None, **values: Any) -> rec.HistoryRecord:
    stamp = START + step / 100 if at is None else at
    values |= {"_step": step, "_timestamp": stamp, "_runtime": stamp - START}
    items = [rec.HistoryItem(nested_key=[k], value_json=json.dumps(v)) for k, v in values.items()]
    return rec.HistoryRecord(item=items, step=rec.HistoryStep(num=step))


class RunFolder:
    """A folder with a journal that grows by `add`.

    Args:
        parent: Where it is made.
        run_id: Names it.
        stamp: Date in its name.
    """

    def __init__(self, parent: Path, run_id: str, stamp: str = "20261121_012006") -> None:
        self.path = parent / f"offline-run-{stamp}-{run_id}"
        self.files = self.path / "files"
        self.files.mkdir(parents=True)
        self.journal = self.path / f"run-{run_id}.wandb"
        self.journal.write_bytes(FILE_HEADER)

    def add(self, *bodies: rec.Body) -> int:
        """Append records; returns the end of the journal."""
        return self.add_payloads(*map(rec.encode, bodies))

    def add_payloads(self, *payloads: bytes) -> int:
        """Append records that are encoded; returns the end of the journal."""
        end = self.journal.stat().st_size
        with self.journal.open("ab") as file:
            for payload in payloads:
                end += file.write(frame(payload, end))
        return end
