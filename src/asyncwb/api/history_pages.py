"""Pages of a scan: rows as dicts, or as columns, with their steps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

import anyio.lowlevel

from asyncwb import jsonx
from asyncwb.api.scan_plan import StepRange
from asyncwb.errors import ProtocolError
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.columns import Columns
    from asyncwb.types import Row

__all__ = ["ColumnPage", "Page", "RowPage", "decode_rows"]

_DECODE_ROWS = 500


class Page(Protocol):
    """Rows of one range of steps, as the server gave them."""

    @property
    def size(self) -> int:
        """About how many bytes they took."""
        ...

    def __len__(self) -> int: ...

    def steps(self, span: StepRange) -> Sequence[int]:
        """The step of each row."""
        ...

    def within(self, span: StepRange) -> Self:
        """The rows of the range, ordered by step; those of one step stay as they came."""
        ...


class RowPage:
    """Rows as dicts."""

    def __init__(self, rows: list[Row], size: int) -> None:
        self.rows = rows
        self.size = size

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @classmethod
    async def read(cls, texts: list[str]) -> RowPage:
        """Decode JSON texts; see `decode_rows`."""
        return cls(await decode_rows(texts), sum(map(len, texts)))

    def steps(self, span: StepRange) -> Sequence[int]:
        """The step of each row."""
        return [int(_step(row, span)) for row in self.rows]

    def within(self, span: StepRange) -> RowPage:
        """The rows of the range, ordered by step."""
        rows = [row for row in self.rows if span.start <= _step(row, span) < span.stop]
        # The server's order within a step is the order of logging: the sort is stable.
        rows.sort(key=partial(_step, span=span))
        return RowPage(rows, self.size)


class ColumnPage:
    """Rows as columns.

    Args:
        columns: The rows.
        size: See `Page`.
        extent: Steps of the rows, where they are known to ascend.
    """

    def __init__(self, columns: Columns, size: int, extent: StepRange | None = None) -> None:
        self.columns = columns
        self.size = size
        self._extent = extent

    def __len__(self) -> int:
        """Number of rows."""
        return self.columns.count

    @classmethod
    async def read(cls, texts: list[str]) -> ColumnPage:
        """Decode JSON texts in a thread."""
        return await offload(cls.of, texts)

    @classmethod
    def of(cls, texts: list[str]) -> ColumnPage:
        """Decode JSON texts."""
        from asyncwb.columns import from_texts

        columns = from_texts(texts)
        return cls(columns, sum(map(len, texts)), _extent(columns))

    def steps(self, span: StepRange) -> Sequence[int]:
        """The step of each row."""
        return cast("list[int]", self.columns.steps(span.start).astype(int).tolist())

    def within(self, span: StepRange) -> ColumnPage:
        """The rows of the range, ordered by step."""
        extent = self._extent
        if extent is not None and span.start <= extent.start and extent.stop <= span.stop:
            return self
        return ColumnPage(self.columns.within(span.start, span.stop), self.size)


async def decode_rows(texts: list[str]) -> list[Row]:
    """Decode rows in slices of a few milliseconds, so that the loop stays responsive.

    Raises:
        ProtocolError: A text is not a JSON object.
    """
    rows: list[Row] = []
    for start in range(0, len(texts), _DECODE_ROWS):
        if start:
            await anyio.lowlevel.checkpoint()
        for text in texts[start : start + _DECODE_ROWS]:
            row: Any = jsonx.decode(text)
            if not isinstance(row, dict):
                raise ProtocolError(f"a row of history is not a JSON object: {text[:80]!r}")
            rows.append(cast("Row", row))
    return rows


def _extent(columns: Columns) -> StepRange | None:
    """Steps from the first to the last row, if all rows have one and they ascend."""
    column = columns.columns.get("_step")
    if column is None or column.present is not None or column.values.dtype.kind != "i":
        return None
    steps = column.values
    if not len(steps) or (steps[1:] < steps[:-1]).any():
        return None
    return StepRange(int(steps[0]), int(steps[-1]) + 1)


def _step(row: Row, span: StepRange) -> float:
    """The step of a row; one without a step counts for the start of its page."""
    step = row.get("_step")
    return step if isinstance(step, (int, float)) else span.start
