"""What the server does by itself: settling segments, a little at a time, and the database's log.

While rows come in it takes a quarter of one core at most, so that requests do not notice; whatever
it has not come to is answered the long way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from .storage import settling

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from .storage.database import Database

__all__ = ["Upkeep"]

_log = logging.getLogger("asyncwb.server")

_TICK_SECONDS = 2.0
_AGAIN_SECONDS = 60.0  # until streams that may still grow are looked at once more
_REST = 3.0  # times as long as the work before it
_QUIET = 0.1  # of that, while nobody else writes


class Upkeep:
    """Looks for segments that can be settled, and settles them.

    Args:
        database: Where they are.
        rest: How long it rests after a piece of work, in times of what that took.
    """

    def __init__(self, database: Database, rest: float = _REST) -> None:
        self._database = database
        self._rest = rest
        self._seen = 0  # the highest id of a segment that was looked at
        self._waiting: set[tuple[int, str]] = set()
        self._again = 0.0
        self._refused: set[int] = set()
        self._written = 0

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            pause = _TICK_SECONDS
            try:
                # of several processes on one database, one does it
                if await self._database.has_duty("upkeep"):
                    await self.once()
            except Exception:  # noqa: BLE001 - a later look may go better
                _log.exception("upkeep failed")
                pause = _AGAIN_SECONDS
            await asyncio.sleep(pause)

    async def once(self) -> None:
        """Settle what there is to settle now."""
        await self._database.tidy()
        streams: set[tuple[int, str]] = set()
        if time.monotonic() >= self._again:
            self._again = time.monotonic() + _AGAIN_SECONDS
            streams, self._waiting = self._waiting, streams
        while True:
            changed, seen = await self._database.read(self._changed_streams)
            if seen == self._seen:
                break
            streams |= changed
            self._seen = seen
        for run_id, stream in sorted(streams):
            await self._settle(run_id, stream)
            await self._database.tidy()

    def _changed_streams(self, connection: Connection) -> tuple[set[tuple[int, str]], int]:
        return settling.changed_streams(connection, self._seen)

    async def _settle(self, run_id: int, stream: str) -> None:
        plan = await self._database.read(lambda db: settling.plan(db, run_id, stream))
        if plan.waiting:
            self._waiting.add((run_id, stream))
        for group in plan.groups:
            if group[0] not in self._refused:
                began = time.monotonic()
                await self._settle_group(group)
                took = time.monotonic() - began
                quiet = self._database.written - self._written <= 1
                self._written = self._database.written
                await asyncio.sleep(self._rest * took * (_QUIET if quiet else 1))

    async def _settle_group(self, group: list[int]) -> None:
        def prepare(db: Connection) -> Any:
            return settling.prepare(db, group)

        try:
            settled = await self._database.read(prepare)
            if settled is not None:
                await self._database.write(lambda db: settling.store(db, settled))
        except IntegrityError:
            _log.debug("segment %d was settled by another server", group[0])
        except Exception:  # noqa: BLE001 - the others still can be settled
            self._refused.add(group[0])
            _log.exception("segment %d cannot be settled", group[0])
