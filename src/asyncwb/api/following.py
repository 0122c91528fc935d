"""The history of a running run, row by row as it lands."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import anyio

from asyncwb.api.batches import closing, each
from asyncwb.api.history import HistoryScan, check_keys
from asyncwb.api.pages import check_count
from asyncwb.errors import InvalidValueError, RunNotFoundError
from asyncwb.graphql.run_parts import PROGRESS
from asyncwb.portal import on_loop_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.run_parts import Progress
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = ["ENDED", "HistoryFollow", "check_poll"]

ENDED = frozenset({"finished", "crashed", "failed", "killed"})
"""States in which a run logs nothing more."""

_PAGE_ROWS = 1000


class HistoryFollow:
    """Rows of a run as they land; made by `Run.follow`.

    `async for row in follow` gives what is there, in step order, then waits for more, and ends
    with the run. Each iteration starts anew. Leaving it early cancels what is in flight: at once
    with `async with contextlib.aclosing(follow.rows()) as rows`, soon after a plain `break`.
    """

    def __init__(
        self,
        service: Service,
        address: RunAddress,
        *,
        keys: Sequence[str] | None,
        from_step: int | None,
        poll_seconds: float,
    ) -> None:
        self._service = service
        self._address = address
        self._keys = check_keys(keys)
        self._from_step = None if from_step is None else check_count("from_step", from_step)
        self._poll_seconds = check_poll(poll_seconds)

    def __aiter__(self) -> AsyncGenerator[Row, None]:  # sync: batches
        return self.rows()

    def rows(self) -> AsyncGenerator[Row, None]:  # sync: batches
        """Iterate over the rows; each is a new dict.

        Raises:
            RunNotFoundError: The run is gone.
            UnsupportedError: The server keeps rows in Parquet files.
            CommError: The server refused or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[Row]]:
        """Iterate over lists of up to 64 rows.

        Raises:
            CommError: As for `rows`.
        """
        progress = await self._progress()
        start = progress.last_step + 1 if self._from_step is None else self._from_step
        given = _Given()
        # A whole history is as long as the server counts; of a part only its end can tell.
        counted = self._keys is None and start == 0
        seen_lines, missing, live = -1, 0, False
        while True:
            ended = progress.state in ENDED
            lines = progress.history_line_count
            late = ended and live and (not counted or lines is None)
            if lines is None or lines != seen_lines:
                async with closing(self._new_rows(given, given.last(start))) as batches:
                    async for rows in batches:
                        yield rows
                seen_lines = -1 if lines is None else lines
                # Rows can land under steps that are passed already.
                late = late or (counted and lines is not None and lines - len(given) > missing)
            if late:
                async with closing(self._new_rows(given, start)) as batches:
                    async for rows in batches:
                        yield rows
                missing = max(0, (lines or 0) - len(given))
            if ended:
                return
            live = True
            await anyio.sleep(self._poll_seconds)
            progress = await self._progress()

    async def _new_rows(self, given: _Given, start: int) -> AsyncGenerator[list[Row], None]:
        """Rows from a step on that were not given yet."""
        scan = HistoryScan(
            self._service,
            self._address,
            keys=self._keys,
            page_size=_PAGE_ROWS,
            min_step=start,
            max_step=None,
        )
        step, number = -1, 0
        async with closing(scan.batches()) as batches:
            async for rows in batches:
                new: list[Row] = []
                for row in rows:
                    logged = row.get("_step")
                    now = int(logged) if isinstance(logged, (int, float)) else start
                    # Within a step rows come in the order in which they were logged.
                    step, number = now, number + 1 if now == step else 1
                    if number > given.count(step):
                        given.add(step)
                        new.append(row)
                if new:
                    yield new

    async def _progress(self) -> Progress:
        project = (await self._service.execute(PROGRESS, self._address.variables)).project
        if project is None or project.run is None:
            raise RunNotFoundError(f"Could not find run {self._address}")
        return project.run


class _Given:
    """The steps of the rows that were given: eight bytes each."""

    def __init__(self) -> None:
        self._steps = array("q")

    def __len__(self) -> int:
        return len(self._steps)

    def last(self, default: int) -> int:
        return self._steps[-1] if self._steps else default

    def count(self, step: int) -> int:
        if not self._steps or step > self._steps[-1]:
            return 0
        return bisect_right(self._steps, step) - bisect_left(self._steps, step)

    def add(self, step: int) -> None:
        if not self._steps or step >= self._steps[-1]:
            self._steps.append(step)
        else:
            self._steps.insert(bisect_right(self._steps, step), step)


def check_poll(seconds: object) -> float:
    """A time between two looks.

    Raises:
        InvalidValueError: It is no positive number.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds > 0:
        raise InvalidValueError(f"poll_seconds must be above 0, not {seconds!r}")
    return float(seconds)
