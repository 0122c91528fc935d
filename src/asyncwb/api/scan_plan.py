"""Which step ranges a scan asks for. Pure: no request is sent here."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["PageSizes", "StepRange", "cut", "first_samples", "ranges"]

_MAX_ROWS = 4_000
_MIN_SAMPLES = 10_000
_SMALL_PAGE_BYTES = 512 * 1024
_LARGE_PAGE_BYTES = 4 * 1024 * 1024
_PIECES = 4


class StepRange(NamedTuple):
    """Steps from `start` up to, not including, `stop`."""

    start: int
    stop: int


def first_samples(page_size: int) -> int:
    """Rows to ask for with the first page, before anything is known of the run."""
    return max(_MIN_SAMPLES, 2 * max(page_size, _MAX_ROWS))


class PageSizes:
    """How many steps a page may span, learned from the pages that came back.

    Runs may log every step, one step in a thousand, or several rows at a step: a page is meant to
    hold `rows` rows, whatever the number of steps that takes. Pages grow while they are small in
    bytes and shrink when they are large.

    Args:
        page_size: Rows of the first pages.
        span: Steps that the scan covers.
        row_count: Rows that the whole run has, None if unknown.
    """

    def __init__(self, page_size: int, span: int, row_count: int | None) -> None:
        self.rows = page_size
        self._max_rows = max(page_size, _MAX_ROWS)
        self.samples = first_samples(page_size)
        """Rows to ask for: so many more than expected that a server does not thin them out."""
        expected = 1.0 if row_count is None else max(1, row_count) / max(1, span)
        self._rows_per_step = expected

    @staticmethod
    def is_whole(rows: int, samples: int) -> bool:
        """Whether a page certainly was not thinned out to `samples` rows.

        A sampler may return somewhat fewer rows than asked for; half is far from any.
        """
        return rows <= samples // 2

    def steps(self) -> int:
        """Steps that the next page should span."""
        return max(1, int(self.rows / self._rows_per_step))

    def learn(self, span: StepRange, rows: int, size: int) -> None:
        """Take note of a page that came back with `rows` rows of `size` bytes in all."""
        seen = rows / (span.stop - span.start)
        # Rise at once, fall slowly: a page that turns out too full must be asked for again.
        self._rows_per_step = max(seen, self._rows_per_step / 4)
        if size < _SMALL_PAGE_BYTES:
            self.rows = min(self._max_rows, self.rows * 2)
        elif size > _LARGE_PAGE_BYTES:
            self.rows = max(1, self.rows // 2)


def ranges(span: StepRange, sizes: PageSizes) -> Iterator[StepRange]:
    """Cut a range into pages, each as wide as is best known when it is asked for."""
    start = span.start
    while start < span.stop:
        stop = min(span.stop, start + sizes.steps())
        yield StepRange(start, stop)
        start = stop


def cut(span: StepRange, steps: Sequence[int]) -> list[StepRange]:
    """Cut a range that holds too many rows, at quantiles of the steps seen in a sample of it."""
    ordered = sorted(steps)
    quantiles = {ordered[len(ordered) * piece // _PIECES] for piece in range(1, _PIECES)}
    inner = sorted(step for step in quantiles if span.start < step < span.stop)
    edges = [span.start, *(inner or [span.start + 1]), span.stop]
    return [StepRange(a, b) for a, b in itertools.pairwise(edges)]
