"""History of a run on a server: pages of steps, several in flight, in order."""

from __future__ import annotations

import itertools
import logging
import math
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import msgspec

from asyncwb import jsonx
from asyncwb.api.history_pages import ColumnPage, Page, RowPage, decode_rows
from asyncwb.api.scan_plan import PageSizes, StepRange, cut, first_samples, ranges
from asyncwb.errors import GraphQLError, ProtocolError, RunNotFoundError, UnsupportedError
from asyncwb.graphql.api_answers import KeyedData
from asyncwb.graphql.api_operations import (
    FIRST_PAGE,
    HISTORY_PAGE,
    LIVE_BOUNDS,
    RUN_EVENTS,
    RUN_HISTORY,
    SAMPLED_HISTORY,
    SCAN_BOUNDS,
)
from asyncwb.graphql.flight import Ahead
from asyncwb.graphql.operation import Operation
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

    from asyncwb.api.address import RunAddress
    from asyncwb.api.history_source import Asked
    from asyncwb.columns import Columns
    from asyncwb.graphql.api_answers import HistoryData, HistoryRun
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = ["WINDOW", "ServerHistory", "sampled_rows"]

log = logging.getLogger("asyncwb.api")

P = TypeVar("P", bound=Page)

WINDOW = 8
"""Pages of one scan in flight, or waiting for their turn, at most."""

_PLAIN = frozenset({float, int, bool})
_NUMBERS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class _Landed(Generic[P]):
    """A page that came back, and whether the server certainly did not thin it out."""

    def __init__(self, span: StepRange, page: P, *, whole: bool) -> None:
        self.span = span
        self.page = page
        self.whole = whole


class ServerHistory:
    """History of one run on a server."""

    def __init__(self, service: Service, address: RunAddress) -> None:
        self._service = service
        self._address = address

    async def rows(self, asked: Asked) -> AsyncGenerator[list[Row], None]:
        """Rows in step order, a page at a time."""
        if asked.keys is None:
            pages = self._pages(asked, partial(self._fetch, RowPage.read), RowPage.read)
        else:
            pages = self._pages(asked, partial(self._fetch_keys, asked.columns), None)
        async with aclosing(pages):
            async for page in pages:
                yield page.rows

    async def columns(self, asked: Asked) -> AsyncGenerator[Columns, None]:
        """The same as columns."""
        if asked.keys is None:
            pages = self._pages(asked, partial(self._fetch, ColumnPage.read), ColumnPage.read)
        else:
            pages = self._pages(asked, partial(self._fetch_key_columns, asked.columns), None)
        async with aclosing(pages):
            async for page in pages:
                yield page.columns

    async def _pages(
        self,
        asked: Asked,
        fetch: Callable[[StepRange, int], Awaitable[P]],
        read: Callable[[list[str]], Awaitable[P]] | None,
    ) -> AsyncGenerator[P, None]:
        """The pages of a scan; with `read`, the first one comes with the bounds."""
        first = _first_span(asked) if read is not None else None
        run = await self._bounds(asked, first)
        span = self._span(asked, run)
        sizes = PageSizes(asked.page_size, span.stop - span.start, run.history_line_count)
        ready: list[P] = []
        again: list[StepRange] = []
        if first is not None and read is not None and run.history is not None:
            page = await read(run.history)
            sizes.learn(first, len(page), page.size)
            known = StepRange(span.start, min(first.stop, span.stop))
            span = StepRange(known.stop, span.stop)
            if sizes.is_whole(len(page), sizes.samples):
                ready = [page.within(known)]
            else:
                again = [known]
        spans = itertools.chain(again, ranges(span, sizes))
        count = 0
        async with aclosing(self._walk(spans, sizes, fetch, ready)) as pages:
            async for page in pages:
                count += len(page)
                yield page
        lines = run.history_line_count
        if asked.is_whole and lines is not None and count < lines:
            log.warning(
                "%s: the server counts %d rows of history but gave %d", self._address, lines, count
            )

    async def _bounds(self, asked: Asked, first: StepRange | None) -> HistoryRun:
        """Ask how far the history goes, and for the first page with it."""
        live: dict[str, Any] = {"liveKeys": ["_step"]}
        try:
            if first is None:
                run = await _ask(self._service, SCAN_BOUNDS, self._address, live)
            else:
                samples = first_samples(asked.page_size)
                page = {"minStep": first.start, "maxStep": first.stop, "samples": samples}
                run = await _ask(self._service, FIRST_PAGE, self._address, {**live, **page})
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
        return run

    def _span(self, asked: Asked, run: HistoryRun) -> StepRange:
        last = (run.history_keys or {}).get("lastStep", -1)
        if not isinstance(last, int):
            raise ProtocolError(f"{self._address}: the last step is {last!r}, not a whole number")
        stop = last + 1 if asked.max_step is None else min(asked.max_step, last + 1)
        return StepRange(asked.min_step, max(stop, asked.min_step))

    async def _walk(
        self,
        spans: Iterator[StepRange],
        sizes: PageSizes,
        fetch: Callable[[StepRange, int], Awaitable[P]],
        ready: Sequence[P] = (),
    ) -> AsyncGenerator[P, None]:
        """Ask for the ranges, several at a time; yield their pages in order.

        Pages that are `ready` come first, while others are on their way.
        """
        ahead: Ahead[_Landed[P]] = Ahead("asyncwb history page")

        def fill() -> None:
            while len(ahead) < WINDOW and (span := next(spans, None)) is not None:
                ahead.start(partial(_land, fetch, span, sizes))

        try:
            fill()
            for page in ready:
                yield page
            while len(ahead):
                landed = await ahead.next()
                span, page = landed.span, landed.page
                sizes.learn(span, len(page), page.size)
                if landed.whole:
                    fill()
                    yield page
                else:
                    # More rows than a page can hold: the same range again, in pieces.
                    pieces = iter(cut(span, page.steps(span)))
                    async with aclosing(self._walk(pieces, sizes, fetch)) as inner:
                        async for piece in inner:
                            yield piece
        finally:
            await ahead.aclose()

    async def _fetch(
        self, read: Callable[[list[str]], Awaitable[P]], span: StepRange, samples: int
    ) -> P:
        return await read(await self._texts(span, samples))

    async def _texts(self, span: StepRange, samples: int) -> list[str]:
        variables = {"minStep": span.start, "maxStep": span.stop, "samples": samples}
        run = await _ask(self._service, HISTORY_PAGE, self._address, variables)
        return run.history or []

    async def _fetch_keys(self, keys: tuple[str, ...], span: StepRange, samples: int) -> RowPage:
        rows = await _sampled(self._service, self._address, _spec(keys, span, samples))
        return RowPage(rows, 24 * len(rows) * len(keys))

    async def _fetch_key_columns(
        self, keys: tuple[str, ...], span: StepRange, samples: int
    ) -> ColumnPage:
        from asyncwb.columns.build import can_be_fields, from_rows, row_type

        if not can_be_fields(keys):
            page = await self._fetch_keys(keys, span, samples)
            return ColumnPage(from_rows(page.rows, keys), page.size)
        # Each row is read into a struct of these keys: no dict per row.
        kind: Any = row_type(keys, exact=False)
        operation = Operation(SAMPLED_HISTORY.name, SAMPLED_HISTORY.document, KeyedData[kind])
        specs = [jsonx.encode(_spec(keys, span, samples)).decode()]
        variables = {**self._address.variables, "specs": specs}
        data = await self._service.execute(operation, variables, lane="bulk")
        if data.project is None or data.project.run is None:
            raise RunNotFoundError(f"Could not find run {self._address}")
        answers = data.project.run.sampled_history or []
        rows = (answers[0] or []) if answers else []
        columns = await offload(_keyed_columns, keys, rows)
        return ColumnPage(columns, 24 * len(rows) * len(keys))


def _first_span(asked: Asked) -> StepRange | None:
    """The first page, as long as nothing is known of the run: one row per step; None: no step."""
    stop = asked.min_step + asked.page_size
    stop = stop if asked.max_step is None else min(stop, asked.max_step)
    return StepRange(asked.min_step, stop) if stop > asked.min_step else None


async def _land(
    fetch: Callable[[StepRange, int], Awaitable[P]], span: StepRange, sizes: PageSizes
) -> _Landed[P]:
    """Ask for one range, until it is certain to be whole or can be cut."""
    samples = sizes.samples
    while True:
        page = await fetch(span, samples)
        whole = sizes.is_whole(len(page), samples)
        if whole or span.stop - span.start > 1:
            return _Landed(span, page.within(span), whole=whole)
        # One step with very many rows cannot be cut: ask for more of them.
        samples *= 4


def _spec(keys: Sequence[str], span: StepRange, samples: int) -> dict[str, Any]:
    # Here the last step counts in.
    return {
        "keys": list(keys), "minStep": span.start, "maxStep": span.stop - 1, "samples": samples,
    }  # fmt: skip


def _keyed_columns(keys: tuple[str, ...], rows: list[Any]) -> Columns:
    """Columns of structs with these keys."""
    from asyncwb.columns import from_values

    if not rows:
        return from_values(0, {key: [] for key in keys})
    lists: list[list[Any]] = [
        list(column) for column in zip(*map(msgspec.structs.astuple, rows), strict=True)
    ]
    for values in lists:
        if not _PLAIN.issuperset(map(type, values)):
            _restore_numbers(values)
    return from_values(len(rows), dict(zip(keys, lists, strict=True)))


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
    return await decode_rows((run.events if stream == "system" else run.history) or [])


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
