"""Which run a folder holds, from the first records of its journal."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asyncwb.errors import Error
from asyncwb.journal import JournalReader, records

if TYPE_CHECKING:
    from asyncwb.sender.folders import RunDir

__all__ = ["run_name"]

log = logging.getLogger("asyncwb.api")

_FIRST_RECORDS = 50


def run_name(folder: RunDir) -> tuple[str, str] | None:
    """Project and id; None where the journal cannot be read."""
    try:
        with JournalReader.open(folder.journal) as reader:
            for raw in reader.read_batch(1 << 16, _FIRST_RECORDS):
                body = records.decode(raw.payload).body
                if isinstance(body, records.RunRecord):
                    return body.project or "uncategorized", body.run_id or folder.run_id
    except Error as exc:
        log.warning("%s is left out: %s", folder.path, exc)
    return None
