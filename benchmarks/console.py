"""What capturing the console adds to a `print` of one line."""

from __future__ import annotations

import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import TextIOWrapper

__all__ = ["console"]

_LINE = "step 100 loss 0.12345 accuracy 0.98765"


def print_times(file: TextIOWrapper, count: int) -> list[int]:
    """Nanoseconds of each of `count` lines."""
    clock = time.perf_counter_ns
    times = [0] * count
    for i in range(count):
        before = clock()
        print(_LINE, file=file)
        times[i] = clock() - before
    return times


def console(load: Callable[[], Any], count: int) -> dict[str, float]:
    """Print to /dev/null without a run and during one that captures; microseconds a line.

    Args:
        load: Imports the client; wandb listens to the streams that it finds then.
        count: Lines.
    """
    with open("/dev/null", "w") as file:
        plain = print_times(file, count)
        before, sys.stdout = sys.stdout, file
        try:
            module = load()
            settings = {"console": "wrap"}
            run = module.init(project="bench", mode="offline", settings=settings)
            captured = print_times(file, count)
            run.finish()
        finally:
            sys.stdout = before
    ordered = sorted(captured)
    middle = statistics.median(plain)
    return {
        "added_us": (statistics.median(captured) - middle) / 1000,
        "p99_us": ordered[int(count * 0.99)] / 1000,
    }
