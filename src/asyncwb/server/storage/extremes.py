"""Which rows of a long history show its spikes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pick_extremes"]


def pick_extremes(columns: Sequence[Sequence[float]], samples: int | None) -> Sequence[int]:
    """Indexes of rows: the first, the last, and of each stretch the lowest and highest value.

    Args:
        columns: The values of each key, in the order of steps; NaN where there is no number.
        samples: Rows at most; None: all.

    Returns:
        Ascending indexes, fewer than `samples` where one row has several extremes.
    """
    count = len(columns[0])
    if samples is None or samples >= count:
        return range(count)
    chosen = {count - 1} if samples > 0 and count else set[int]()
    if samples > 1:
        chosen.add(0)
    stretches = (samples - 2) // (2 * len(columns))
    for number in range(stretches):
        start, stop = number * count // stretches, (number + 1) * count // stretches
        for values in columns:
            there = [i for i in range(start, stop) if not math.isnan(values[i])]
            if there:
                chosen.add(min(there, key=values.__getitem__))
                chosen.add(max(there, key=values.__getitem__))
    return sorted(chosen)
