"""Old runs go by themselves, where a server is told so."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, exists, select

from .storage.files import blobs_of_runs
from .storage.tables import run_tags, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .storage.blobs import BlobStore
    from .storage.database import Database

__all__ = ["KEEP_TAG", "Retention"]

_log = logging.getLogger("asyncwb.server")

KEEP_TAG = "keep"
"""Runs with this tag stay."""

_DAY = 86400.0
_LOOK_SECONDS = 3600.0
_FIRST_LOOK_SECONDS = 60.0
_RUNS_AT_ONCE = 20


class Retention:
    """Deletes runs that were silent for some days, with their rows and files.

    Versions of artifacts that they logged stay. One of several processes does it.

    Args:
        database: Has the runs.
        blobs: Has their files.
        keep_days: How long they stay after their last sign of life.
    """

    def __init__(self, database: Database, blobs: BlobStore, keep_days: float) -> None:
        self._database, self._blobs, self._keep_days = database, blobs, keep_days

    async def run(self) -> None:
        """Look every hour, until cancelled."""
        await asyncio.sleep(_FIRST_LOOK_SECONDS)
        while True:
            try:
                if await self._database.has_duty("retention"):
                    await self.once()
            except Exception:  # noqa: BLE001 - the next look may go better
                _log.exception("old runs could not be deleted")
            await asyncio.sleep(_LOOK_SECONDS)

    async def once(self) -> int:
        """Delete what is due; returns how many runs that were."""
        deleted = 0
        while True:
            count, blobs = await self._database.write(self._delete_some)
            await self._blobs.remove(blobs)
            deleted += count
            if count < _RUNS_AT_ONCE:
                if deleted:
                    _log.warning("deleted %d runs older than %g days", deleted, self._keep_days)
                return deleted

    def _delete_some(self, connection: Connection) -> tuple[int, list[str]]:
        """A few at a time: other changes wait meanwhile."""
        kept = exists().where(run_tags.c.run_id == runs.c.id, run_tags.c.tag == KEEP_TAG)
        due = (
            select(runs.c.id)
            .where(runs.c.heartbeat_at < time.time() - self._keep_days * _DAY, ~kept)
            .order_by(runs.c.id)
            .limit(_RUNS_AT_ONCE)
        )
        found = list(connection.execute(due).scalars())
        blobs = blobs_of_runs(connection, runs.c.id.in_(found))
        connection.execute(delete(runs).where(runs.c.id.in_(found)))
        return len(found), blobs
