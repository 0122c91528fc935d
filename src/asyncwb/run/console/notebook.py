"""Cells of IPython and Jupyter, which puts the streams back after each of them."""

from __future__ import annotations

import contextlib
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["on_each_cell"]


def on_each_cell(look: Callable[..., None]) -> Callable[[], None] | None:
    """Have `look` called at the beginning of each cell.

    IPython replaces `write` of both streams while a cell runs and restores what it found before:
    a method that somebody put there inside of the cell is gone after it.

    Returns:
        Ends that; None outside of IPython.
    """
    ipython = sys.modules.get("IPython")
    shell: Any = None if ipython is None else ipython.get_ipython()
    if shell is None:
        return None
    shell.events.register("pre_run_cell", look)
    return partial(_unregister, shell, look)


def _unregister(shell: Any, look: Callable[..., None]) -> None:
    with contextlib.suppress(ValueError):  # somebody did that
        shell.events.unregister("pre_run_cell", look)
