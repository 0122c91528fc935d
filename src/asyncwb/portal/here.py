"""Coroutines that run in the thread of a blocking caller, and hop only where they must."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeVar

from asyncwb.errors import PortalMisuseError

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from contextlib import AbstractContextManager
    from typing import Any

__all__ = ["HERE", "run_here", "shield"]

T = TypeVar("T")


class _Here(threading.local):
    """Whether the calling thread runs a coroutine by `run_here`, so that hops must block."""

    now = False


HERE = _Here()


def run_here(coroutine: Coroutine[Any, Any, T], name: str) -> T:
    """Run a coroutine that waits for nothing but `acall` and `in_thread`, which then block."""
    __tracebackhide__ = True
    outer, HERE.now = HERE.now, True
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        HERE.now = outer
        coroutine.close()
    raise PortalMisuseError(f"{name}() waits for something that is not in asyncwb's loop")


def shield() -> AbstractContextManager[object]:
    """Keep a cancelled scope of the calling task away from the waits of the block.

    For cleanup that has a limit of its own. Nothing for a blocking caller.
    """
    if HERE.now:
        return nullcontext()
    import anyio

    return anyio.CancelScope(shield=True)
