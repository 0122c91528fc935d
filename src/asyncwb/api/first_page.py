"""How a scan of a history on a server begins: with its bounds, and the first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from asyncwb.api.scan_plan import StepRange, first_samples

if TYPE_CHECKING:
    from asyncwb.api.history_source import Asked

__all__ = ["LIVE", "Opened", "first_page", "first_span"]

LIVE: dict[str, object] = {"liveKeys": ["_step"]}


class Opened(NamedTuple):
    """What a server says of a history before it is read.

    Attributes:
        last_step: Highest step, -1 without rows.
        lines: Number of rows, if known.
        first: Range of the page that came along.
        texts: Its rows.
        exported: Addresses of Parquet files.
        live: Rows, of the steps alone, that are in none of them.
    """

    last_step: int
    lines: int | None
    first: StepRange | None
    texts: list[str] | None
    exported: list[str]
    live: list[dict[str, Any]]

    def stop(self, asked: Asked) -> int:
        """The step to stop before."""
        end = self.last_step + 1
        return end if asked.max_step is None else min(asked.max_step, end)

    def without_page(self) -> Opened:
        """The same, where another range is read."""
        return self._replace(first=None, texts=None, lines=None)


def first_page(asked: Asked) -> dict[str, object] | None:
    """Variables of `FIRST_PAGE` besides the run; None: this question begins otherwise."""
    first = first_span(asked)
    if first is None:
        return None
    samples = first_samples(asked.page_size)
    return {**LIVE, "minStep": first.start, "maxStep": first.stop, "samples": samples}


def first_span(asked: Asked) -> StepRange | None:
    """The first page, as long as nothing is known of the run: one row per step.

    None: no step, or columns of some keys, which are asked for in another way.
    """
    if asked.keys is not None:
        return None
    stop = asked.min_step + asked.page_size
    stop = stop if asked.max_step is None else min(stop, asked.max_step)
    return StepRange(asked.min_step, stop) if stop > asked.min_step else None
