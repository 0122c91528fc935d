"""History of a run: sampled, and every row in step order."""

from __future__ import annotations

import logging
import math
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import anyio.lowlevel

from asyncwb import jsonx
from asyncwb.api.batches import each
from asyncwb.api.scan_plan import PageSizes, StepRange, cut, ranges
from asyncwb.errors import (
    GraphQLError,
    InvalidValueError,
    ProtocolError,
    RunNotFoundError,
    UnsupportedError,
)
from asyncwb.graphql.api_operations import (
    HISTORY_PAGE,
    LIVE_BOUNDS,
    RUN_EVENTS,
    RUN_HISTORY,
    SAMPLED_HISTORY,
    SCAN_BOUNDS,
)
from asyncwb.graphql.flight import Ahead
from asyncwb.portal import on_loop_iter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence

    from asyncwb.graphql import Operation
    from asyncwb.graphql.api_answers import HistoryData, HistoryRun
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = ["HistoryScan", "RunAddress", "check_keys", "sampled_rows"]

log = logging.getLogger("asyncwb.api")

WINDOW = 8
"""Pages of one scan in flight, or waiting for their turn, at most."""

_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_BATCH_ROWS = 64
_DECODE_ROWS = 500


class RunAddress(NamedTuple):
    """Entity, project and id of a run."""

    entity: str
    project: str
    run_id: str

    def __str__(self) -> str:
        return "/".join(self)

    @property
    def variables(self) -> dict[str, object]:
        """The address as the operations name it."""
        return {"entity": self.entity, "project": self.project, "name": self.run_id}


class _Page(NamedTuple):
    span: StepRange
    rows: list[Row]
    size: int
    whole: bool


class HistoryScan:
    """Every row of a run's history, in step order; made by `Run.scan_history`.

    `async for row in scan` asks for several pages at once and yields their rows in order. Each
    iteration starts anew. Leaving it early cancels what is in flight: at once with
    `async with contextlib.aclosing(scan.rows()) as rows`, soon after a plain `break`.
    """

    def __init__(
        self,
        service: Service,
        address: RunAddress,
        *,
        keys: Sequence[str] | None,
        page_size: int,
        min_step: int,
        max_step: int | None,
    ) -> None:
        if page_size < 1:
            raise InvalidValueError(f"page_size must be 1 or more, not {page_size}")
        if min_step < 0 or (max_step is not None and max_step < 0):
            raise InvalidValueError(f"steps start at 0: min_step={min_step}, max_step={max_step}")
        self._service = service
        self._address = address
        self._keys = check_keys(keys)
        self._page_size = page_size
        self._min_step = min_step
        self._max_step = max_step

    def __aiter__(self) -> AsyncGenerator[Row, None]:
        return self.rows()

    def rows(self) -> AsyncGenerator[Row, None]:
        """Iterate over the rows; each is a new dict.

        Raises:
            RunNotFoundError: The run is gone.
            UnsupportedError: The server keeps rows in Parquet files.
            CommError: The server refused or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[Row]]:
        """Iterate over lists of up to 64 rows: the fastest way to read many.

        Raises:
            CommError: As for `rows`.
        """
        span, row_count = await self._bounds()
        sizes = PageSizes(self._page_size, span.stop - span.start, row_count)
        count = 0
        async with aclosing(self._walk(ranges(span, sizes), sizes)) as pages:
            async for rows in pages:
                count += len(rows)
                for start in range(0, len(rows), _BATCH_ROWS):
                    yield rows[start : start + _BATCH_ROWS]
        whole = self._keys is None and self._min_step == 0 and self._max_step is None
        if whole and row_count is not None and count < row_count:
            log.warning(
                "%s: the server counts %d rows of history but gave %d",
                self._address, row_count, count,
            )  # fmt: skip

    async def _bounds(self) -> tuple[StepRange, int | None]:
        try:
            run = await _ask(self._service, SCAN_BOUNDS, self._address, {"liveKeys": ["_step"]})
        except GraphQLError as exc:
            if "parquetHistory" not in exc.message:
                raise
            # A server older than this field has every row in its live pages.
            run = await _ask(self._service, LIVE_BOUNDS, self._address, {})
        if run.parquet_history is not None and run.parquet_history.parquet_urls:
            raise UnsupportedError(
                f"the server keeps rows of {self._address} in Parquet files, which this "
                "installation cannot read: pip install 'asyncwb[export]'. "
                "`run.history()` gives sampled rows without it"
            )
        last = (run.history_keys or {}).get("lastStep", -1)
        if not isinstance(last, int):
            raise ProtocolError(f"{self._address}: the last step is {last!r}, not a whole number")
        stop = last + 1 if self._max_step is None else min(self._max_step, last + 1)
        return StepRange(self._min_step, stop), run.history_line_count

    async def _walk(
        self, spans: Iterator[StepRange], sizes: PageSizes
    ) -> AsyncGenerator[list[Row], None]:
        """Ask for the ranges, several at a time; yield their rows in order."""
        ahead: Ahead[_Page] = Ahead("asyncwb history page")

        def fill() -> None:
            while len(ahead) < WINDOW and (span := next(spans, None)) is not None:
                ahead.start(partial(self._page, span, sizes))

        try:
            fill()
            while len(ahead):
                page = await ahead.next()
                sizes.learn(page.span, len(page.rows), page.size)
                if page.whole:
                    fill()
                    yield page.rows
                else:
                    # More rows than a page can hold: the same range again, in pieces.
                    steps = [int(_step(row, page.span)) for row in page.rows]
                    pieces = iter(cut(page.span, steps))
                    async with aclosing(self._walk(pieces, sizes)) as inner:
                        async for rows in inner:
                            yield rows
        finally:
            await ahead.aclose()

    async def _page(self, span: StepRange, sizes: PageSizes) -> _Page:
        samples = sizes.samples
        while True:
            rows, size = await self._fetch(span, samples)
            whole = sizes.is_whole(len(rows), samples)
            if whole or span.stop - span.start > 1:
                break
            # One step with very many rows cannot be cut: ask for more of them.
            samples *= 4
        rows = [row for row in rows if span.start <= _step(row, span) < span.stop]
        # The server's order within a step is the order of logging: the sort is stable.
        rows.sort(key=partial(_step, span=span))
        return _Page(span, rows, size, whole)

    async def _fetch(self, span: StepRange, samples: int) -> tuple[list[Row], int]:
        """Rows of one range, and about how many bytes they took."""
        if self._keys is None:
            variables = {"minStep": span.start, "maxStep": span.stop, "samples": samples}
            run = await _ask(self._service, HISTORY_PAGE, self._address, variables)
            texts = run.history or []
            return await _decode(texts), sum(map(len, texts))
        keys = self._keys if "_step" in self._keys else [*self._keys, "_step"]
        # Here the last step counts in.
        spec = {
            "keys": keys, "minStep": span.start, "maxStep": span.stop - 1, "samples": samples,
        }  # fmt: skip
        rows = await _sampled(self._service, self._address, spec)
        return rows, 24 * len(rows) * len(keys)


async def sampled_rows(
    service: Service,
    address: RunAddress,
    *,
    samples: int,
    keys: Sequence[str] | None,
    x_axis: str,
    stream: str,
) -> list[Row]:
    """Rows that the server has thinned out to `samples`."""
    if keys is not None:
        names = [x_axis, *(key for key in keys if key != x_axis)]
        return await _sampled(service, address, {"keys": names, "samples": samples})
    operation = RUN_EVENTS if stream == "system" else RUN_HISTORY
    run = await _ask(service, operation, address, {"samples": samples})
    return await _decode((run.events if stream == "system" else run.history) or [])


def check_keys(keys: Sequence[str] | None) -> list[str] | None:
    """The keys as a list; None, like an empty list, means all.

    Raises:
        InvalidValueError: They are not a sequence of texts.
    """
    if isinstance(keys, str):
        raise InvalidValueError(f"keys must be a list of names: [{keys!r}], not {keys!r}")
    names = cast("list[object]", list(keys or []))
    for name in names:
        if not isinstance(name, str):
            raise InvalidValueError(f"keys must be names, not {name!r}")
    return cast("list[str]", names) or None


async def _sampled(service: Service, address: RunAddress, spec: dict[str, Any]) -> list[Row]:
    specs = [jsonx.encode(spec).decode()]
    run = await _ask(service, SAMPLED_HISTORY, address, {"specs": specs})
    answers = run.sampled_history or []
    rows = cast("list[Row]", answers[0] or []) if answers else []
    for row in rows:
        _restore_numbers(row)
    return rows


def _restore_numbers(holder: dict[str, Any] | list[Any]) -> None:
    """Turn the texts that stand for NaN and infinities back into floats, in place.

    Rows asked for by key come as plain JSON, which has no such numbers. A text that was logged
    as "NaN" cannot be told from them; as a number it is far more common.
    """
    for key, value in holder.items() if isinstance(holder, dict) else enumerate(holder):
        kind = value.__class__
        if kind is str:
            if value in _NUMBERS:
                holder[key] = _NUMBERS[value]  # type: ignore[index]
        elif kind is dict or kind is list:
            _restore_numbers(value)


async def _ask(
    service: Service,
    operation: Operation[HistoryData],
    address: RunAddress,
    variables: dict[str, Any],
) -> HistoryRun:
    # The answers are large: HTTP/1.1 carries them at a fraction of the CPU that HTTP/2 takes.
    data = await service.execute(operation, {**address.variables, **variables}, lane="bulk")
    if data.project is None or data.project.run is None:
        raise RunNotFoundError(f"Could not find run {address}")
    return data.project.run


async def _decode(texts: list[str]) -> list[Row]:
    """Decode rows in slices of a few milliseconds, so that the loop stays responsive."""
    rows: list[Row] = []
    for start in range(0, len(texts), _DECODE_ROWS):
        if start:
            await anyio.lowlevel.checkpoint()
        for text in texts[start : start + _DECODE_ROWS]:
            row = jsonx.decode(text)
            if not isinstance(row, dict):
                raise ProtocolError(f"a row of history is not a JSON object: {text[:80]!r}")
            rows.append(cast("Row", row))
    return rows


def _step(row: Row, span: StepRange) -> float:
    """The step of a row; one without a step counts for the start of its page."""
    step = row.get("_step")
    return step if isinstance(step, (int, float)) else span.start
