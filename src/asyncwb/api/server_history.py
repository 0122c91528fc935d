"""History of a run on a server: pages of steps, several in flight, in order."""

from __future__ import annotations

import itertools
import logging
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from asyncwb import jsonx
from asyncwb.api.first_page import LIVE, Opened, first_page, first_span
from asyncwb.api.history_pages import ColumnPage, Page, RowPage
from asyncwb.api.sampled import ask, restore_numbers, sampled
from asyncwb.api.scan_plan import PageSizes, StepRange, cut, first_samples, ranges
from asyncwb.errors import GraphQLError, ProtocolError, RunNotFoundError
from asyncwb.graphql.api_answers import KeyedData
from asyncwb.graphql.api_operations import (
    FIRST_PAGE,
    HISTORY_PAGE,
    LIVE_BOUNDS,
    SAMPLED_HISTORY,
    SCAN_BOUNDS,
    first_pages,
)
from asyncwb.graphql.flight import Ahead
from asyncwb.graphql.operation import Operation
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence

    from asyncwb.api.address import RunAddress
    from asyncwb.api.history_source import Asked
    from asyncwb.columns import Columns
    from asyncwb.graphql.api_answers import HistoryRun
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = ["WINDOW", "ServerHistory"]

log = logging.getLogger("asyncwb.api")

P = TypeVar("P", bound=Page)

WINDOW = 8
"""Pages of one scan in flight, or waiting for their turn, at most."""

_PLAIN = frozenset({float, int, bool})


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
        self._begun: Opened | None = None

    @classmethod
    async def begin_together(
        cls, histories: Sequence[ServerHistory], asked: Asked
    ) -> tuple[int, int]:
        """Ask for the first pages of several runs of a project; see `HistoryScan`."""
        first = histories[0]
        page = first_page(asked)
        if page is None:
            return 0, 0
        names = {f"name{index}": one._address.run_id for index, one in enumerate(histories)}
        place = {"entity": first._address.entity, "project": first._address.project}
        operation = first_pages(len(histories))
        data = await first._service.execute(operation, {**place, **names, **page}, lane="bulk")
        rows = size = 0
        for index, one in enumerate(histories):
            answer = (data.project or {}).get(f"run{index}")
            if answer is not None:
                one._begun = one._understood(answer, first_span(asked))
                texts = answer.history or ()
                rows, size = rows + len(texts), size + sum(map(len, texts))
        return rows, size

    def whole(self, asked: Asked) -> Callable[[], Columns] | None:
        """What reads the whole history, where a first page holds it; see `HistoryScan`."""
        opened = self._begun
        if opened is None or opened.first is None or opened.texts is None or opened.exported:
            return None
        texts = opened.texts
        span = StepRange(asked.min_step, max(opened.stop(asked), asked.min_step))
        whole = PageSizes.is_whole(len(texts), first_samples(asked.page_size))
        if not whole or span.stop > opened.first.stop:
            return None
        self._begun = None

        def read() -> Columns:
            columns = ColumnPage.of(texts).within(span).columns
            self._check_count(asked, opened, columns.count)
            return columns

        return read

    async def rows(self, asked: Asked) -> AsyncGenerator[list[Row], None]:
        """Rows in step order, a page at a time."""
        opened = await self._open(asked)
        if opened.exported:
            async with aclosing(self._exported(asked, opened)) as pieces:
                async for columns in pieces:
                    yield await offload(_row_list, columns)
            return
        if asked.keys is None:
            pages = self._pages(asked, opened, partial(self._fetch, RowPage.read), RowPage.read)
        else:
            pages = self._pages(asked, opened, partial(self._fetch_keys, asked.columns), None)
        async with aclosing(pages):
            async for page in pages:
                yield page.rows

    async def last_step(self) -> int:
        """The highest step so far."""
        run = await ask(self._service, LIVE_BOUNDS, self._address, {})
        return self._last_step(run.history_keys)

    def _last_step(self, keys: dict[str, Any] | None) -> int:
        last = (keys or {}).get("lastStep", -1)
        if not isinstance(last, int):
            raise ProtocolError(f"{self._address}: the last step is {last!r}, not a whole number")
        return last

    async def columns(self, asked: Asked) -> AsyncGenerator[Columns, None]:
        """The same as columns."""
        opened = await self._open(asked)
        if opened.exported:
            pieces = self._exported(asked, opened)
        else:
            pieces = self._live_columns(asked, opened)
        async with aclosing(pieces):
            async for columns in pieces:
                yield columns

    async def _live_columns(self, asked: Asked, opened: Opened) -> AsyncGenerator[Columns, None]:
        if asked.keys is None:
            fetch = partial(self._fetch, ColumnPage.read)
            pages = self._pages(asked, opened, fetch, ColumnPage.read)
        else:
            pages = self._pages(
                asked, opened, partial(self._fetch_key_columns, asked.columns), None
            )
        async with aclosing(pages):
            async for page in pages:
                yield page.columns

    async def _exported(self, asked: Asked, opened: Opened) -> AsyncGenerator[Columns, None]:
        """Rows that the server has moved to files, and those that it has not moved yet."""
        from asyncwb.api.parquet_history import Seen, live_boundary, parquet_files
        from asyncwb.columns import concat

        boundary = live_boundary(opened.live)
        seen = Seen()
        held: list[Columns] = []
        async with (
            parquet_files(self._service, opened.exported) as files,
            aclosing(files.columns(asked)) as moved,
        ):
            overlap = boundary is not None and boundary <= files.last_step
            async for columns in moved:
                if overlap and boundary is not None:
                    # Live rows may belong between these, and may be these.
                    held.append(columns.within(boundary, None))
                    seen.add(held[-1])
                    columns = columns.within(0, boundary)
                yield columns
        if boundary is None:
            return
        rest = asked._replace(min_step=max(asked.min_step, boundary))
        async with aclosing(self._live_columns(rest, opened.without_page())) as pages:
            async for columns in pages:
                if overlap:
                    held.append(seen.new(columns))
                else:
                    yield columns
        if held:
            yield concat(held).within(0, None)

    async def _pages(
        self,
        asked: Asked,
        opened: Opened,
        fetch: Callable[[StepRange, int], Awaitable[P]],
        read: Callable[[list[str]], Awaitable[P]] | None,
    ) -> AsyncGenerator[P, None]:
        """The pages of a scan; with `read`, the first one came with the bounds."""
        span = StepRange(asked.min_step, max(opened.stop(asked), asked.min_step))
        sizes = PageSizes(asked.page_size, span.stop - span.start, opened.lines)
        ready: list[P] = []
        again: list[StepRange] = []
        if opened.first is not None and opened.texts is not None and read is not None:
            page = await read(opened.texts)
            sizes.learn(opened.first, len(page), page.size)
            known = StepRange(span.start, min(opened.first.stop, span.stop))
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
        self._check_count(asked, opened, count)

    def _check_count(self, asked: Asked, opened: Opened, count: int) -> None:
        if asked.is_whole and opened.lines is not None and count < opened.lines:
            log.warning(
                "%s: the server counts %d rows of history but gave %d",
                self._address, opened.lines, count,
            )  # fmt: skip

    async def _open(self, asked: Asked) -> Opened:
        """Ask how far the history goes, and for the first page with it."""
        begun, self._begun = self._begun, None
        if begun is not None:
            return begun
        page = first_page(asked)
        try:
            if page is None:
                run = await ask(self._service, SCAN_BOUNDS, self._address, LIVE)
            else:
                run = await ask(self._service, FIRST_PAGE, self._address, page)
        except GraphQLError as exc:
            if "parquetHistory" not in exc.message:
                raise
            # A server older than this field has every row in its live pages.
            run = await ask(self._service, LIVE_BOUNDS, self._address, {})
        return self._understood(run, first_span(asked))

    def _understood(self, run: HistoryRun, first: StepRange | None) -> Opened:
        exports = run.parquet_history
        return Opened(
            last_step=self._last_step(run.history_keys), lines=run.history_line_count,
            first=first, texts=run.history,
            exported=(exports.parquet_urls or []) if exports is not None else [],
            live=(exports.live_data or []) if exports is not None else [],
        )  # fmt: skip

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
        run = await ask(self._service, HISTORY_PAGE, self._address, variables)
        return run.history or []

    async def _fetch_keys(self, keys: tuple[str, ...], span: StepRange, samples: int) -> RowPage:
        rows = await sampled(self._service, self._address, _spec(keys, span, samples))
        return RowPage(rows, 24 * len(rows) * len(keys))

    async def _fetch_key_columns(
        self, keys: tuple[str, ...], span: StepRange, samples: int
    ) -> ColumnPage:
        from asyncwb.columns.build import can_be_fields, from_rows, row_type

        if not can_be_fields(keys):
            page = await self._fetch_keys(keys, span, samples)
            return ColumnPage(from_rows(page.rows, keys), page.size)
        # Each row is read into a struct of these keys: no dict per row.
        kind: Any = row_type(keys)
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


def _row_list(columns: Columns) -> list[Row]:
    return list(columns.rows())


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
            restore_numbers(values)
    return from_values(len(rows), dict(zip(keys, lists, strict=True)))
