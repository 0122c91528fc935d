"""History of a run: every row in step order, as dicts or as columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from asyncwb.api.address import RunAddress
from asyncwb.api.batches import closing, each
from asyncwb.api.history_source import Asked, HistorySource
from asyncwb.api.local import LocalService
from asyncwb.api.sampled import sampled_rows
from asyncwb.api.server_history import WINDOW, ServerHistory
from asyncwb.errors import InvalidValueError
from asyncwb.portal import on_loop, on_loop_iter
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

    from numpy.typing import NDArray

    from asyncwb.columns import Columns
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = [
    "WINDOW",
    "HistoryScan",
    "RunAddress",
    "begin_together",
    "check_keys",
    "sampled_rows",
    "whole_history",
]

T = TypeVar("T")

_BATCH_ROWS = 64


class HistoryScan:
    """Every row of a run's history, in step order; made by `Run.scan_history`.

    `async for row in scan` asks for several pages at once and yields their rows in order. Each
    iteration starts anew. Leaving it early cancels what is in flight: at once with
    `async with contextlib.aclosing(scan.rows()) as rows`, soon after a plain `break`.

    `await scan.to_arrays()`, `to_pandas()`, `to_polars()` and `to_arrow()` read it by column.
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
        names = check_keys(keys)
        self._asked = Asked(
            None if names is None else tuple(dict.fromkeys(names)), page_size, min_step, max_step
        )
        self._source: HistorySource = (
            service.history(address)
            if isinstance(service, LocalService)
            else ServerHistory(service, address)
        )

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
        """Iterate over lists of up to 64 rows: the fastest way to read many.

        Raises:
            CommError: As for `rows`.
        """
        async with closing(self._source.rows(self._asked)) as pages:
            async for rows in pages:
                for start in range(0, len(rows), _BATCH_ROWS):
                    yield rows[start : start + _BATCH_ROWS]

    @on_loop
    async def max_step(self) -> int:  # sync: property
        """The highest step that the scan can give, as the run is now; -1: it has no rows.

        Raises:
            RunNotFoundError: The run is gone.
            CommError: The server refused or was not reached.
        """
        last, stop = await self._source.last_step(), self._asked.max_step
        return last if stop is None else min(last, stop - 1)

    # sync: manual
    @on_loop_iter
    async def columns(self) -> AsyncIterator[Columns]:
        """Iterate over the rows as columns, some thousand rows at a time; for exports."""
        async with closing(self._source.columns(self._asked)) as pages:
            async for page in pages:
                if page.count:
                    yield page

    @on_loop
    async def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Read all rows as one numpy array per key, without a dict per row.

        Each array has one value per row, in step order. dtypes: `float64` for numbers, `int64`
        where all are whole, `bool` where all are truth values, `object` otherwise (texts, nested
        values, mixtures, whole numbers beyond 64 bits). Where a row lacks the key, or holds null,
        a number is NaN (whole numbers are then float64), anything else None.

        Returns:
            `_step` and the keys asked for in any case, else all keys in the order of their first
            appearance. Nested values are dicts under their first key.

        Raises:
            RunNotFoundError: The run is gone.
            UnsupportedError: The server keeps rows in Parquet files.
            CommError: The server refused or was not reached.
        """
        return await self._gather(lambda columns: columns.arrays())

    @on_loop
    async def to_pandas(self) -> Any:  # noqa: ANN401 - of a package that may not be there
        """Read all rows as a `pandas.DataFrame` with the columns of `to_arrays`.

        Raises:
            UnsupportedError: pandas is not installed.
            CommError: As for `to_arrays`.
        """
        from asyncwb.columns import frames

        return await self._gather(frames.to_pandas)

    @on_loop
    async def to_polars(self) -> Any:  # noqa: ANN401
        """Read all rows as a `polars.DataFrame`; null where a row has no value.

        Whole numbers stay whole; nested and mixed values are JSON text.

        Raises:
            UnsupportedError: polars is not installed.
            CommError: As for `to_arrays`.
        """
        from asyncwb.columns import frames

        return await self._gather(frames.to_polars)

    @on_loop
    async def to_arrow(self) -> Any:  # noqa: ANN401
        """Read all rows as a `pyarrow.Table`; null where a row has no value.

        Whole numbers stay whole; nested and mixed values are JSON text, and their field's
        metadata says so.

        Raises:
            UnsupportedError: pyarrow is not installed.
            CommError: As for `to_arrays`.
        """
        from asyncwb.columns import frames

        return await self._gather(frames.to_arrow)

    async def _gather(self, make: Callable[[Columns], T]) -> T:
        from asyncwb.columns import concat

        await offload(make, concat([]))  # a package that is missing is told of before the work
        async with closing(self.columns()) as pages:
            pieces = [page async for page in pages]
        needed = self._asked.columns
        return await offload(lambda: make(concat(pieces, needed)))


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


async def begin_together(scans: Sequence[HistoryScan]) -> tuple[int, int]:
    """Ask for the first pages of scans of one project in one request. In the loop; for exports.

    The next iteration of each begins with its own. What cannot be asked for in this way (columns
    of some keys, runs of this machine, runs that are gone) is left to it.

    Returns:
        Rows and bytes of all pages.

    Raises:
        GraphQLError: The server refuses so many runs at once.
        CommError: It was not reached.
    """
    asked = [_inside(scan) for scan in scans]
    sources = [source for source, _ in asked if isinstance(source, ServerHistory)]
    return await ServerHistory.begin_together(sources, asked[0][1]) if sources else (0, 0)


def whole_history(scan: HistoryScan) -> Callable[[], Columns] | None:
    """What reads the whole history from the page that `begin_together` brought.

    Returns:
        A function for a thread, to be called once; None: there is more to ask for.
    """
    source, asked = _inside(scan)
    return source.whole(asked) if isinstance(source, ServerHistory) else None


def _inside(scan: HistoryScan) -> tuple[HistorySource, Asked]:
    return scan._source, scan._asked  # pyright: ignore[reportPrivateUsage]
