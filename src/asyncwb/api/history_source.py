"""Where the rows of a run come from, and what a scan asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncwb.columns import Columns
    from asyncwb.types import Row

__all__ = ["Asked", "HistorySource"]


class Asked(NamedTuple):
    """What a scan asks for.

    Attributes:
        keys: Only these and `_step`, and only rows that have all of them; None: all of every row.
        page_size: Rows of the first pages.
        min_step: First step.
        max_step: The step to stop before; None: to the end.
    """

    keys: tuple[str, ...] | None
    page_size: int
    min_step: int
    max_step: int | None

    @property
    def is_whole(self) -> bool:
        """Whether it asks for every row."""
        return self.keys is None and self.min_step == 0 and self.max_step is None

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys and `_step`, which a result has in any case."""
        keys = self.keys or ()
        return keys if "_step" in keys else (*keys, "_step")


class HistorySource(Protocol):
    """History of one run. Both iterators live in asyncwb's loop; they may be closed early."""

    def rows(self, asked: Asked) -> AsyncIterator[list[Row]]:
        """Rows in step order, in lists; each row is a new dict."""
        ...

    async def last_step(self) -> int:
        """The highest step so far, -1 without rows."""
        ...

    def columns(self, asked: Asked) -> AsyncIterator[Columns]:
        """The same rows as columns, some thousand at a time."""
        ...
