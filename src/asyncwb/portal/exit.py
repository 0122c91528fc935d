"""The work at the interpreter's exit, under a time budget. Imports no asyncio until then."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["at_exit", "drain"]

log = logging.getLogger("asyncwb.portal")


def at_exit(callback: Callable[[], object]) -> None:
    """Have `callback` called once when this process ends, and not in its forked children.

    It is called when the threads that hold the process up have ended, for they may still log.
    The last one registered comes first.
    """
    owner = os.getpid()

    def run() -> None:
        if os.getpid() == owner:
            callback()

    if _is_worker():
        try:
            # Private. A forked child of multiprocessing ends by `os._exit`: `atexit` is not run.
            threading._register_atexit(run)  # type: ignore[attr-defined]
        except (AttributeError, RuntimeError):
            log.debug("no exit hook for a process of multiprocessing")
        else:
            return
    atexit.register(run)


def _is_worker() -> bool:
    """Whether this process was started by multiprocessing."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


async def drain(hooks: list[Callable[[float], Awaitable[object]]], budget: float) -> None:
    """Run all hooks at once; cancel what is not done after `budget` seconds."""
    import asyncio

    async def run(hook: Callable[[float], Awaitable[object]]) -> None:
        try:
            await hook(budget)
        except Exception:
            log.exception("an exit hook failed")

    tasks = [asyncio.ensure_future(run(hook)) for hook in hooks]
    started = time.monotonic()
    try:
        _, late = await asyncio.wait(tasks, timeout=budget)
        if late:
            log.warning(
                "gave up after %.1f s at exit; what is unsent stays in the journal",
                time.monotonic() - started,
            )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=1.0)
