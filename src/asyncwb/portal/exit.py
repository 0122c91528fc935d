"""The work at the interpreter's exit, under a time budget. Imports no asyncio until then."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    _Hook: TypeAlias = Callable[[float], Awaitable[object]]

__all__ = ["ExitHooks", "at_exit"]

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


class ExitHooks:
    """Coroutine functions to await at exit, all at once.

    Args:
        run: Runs a coroutine function in the loop and blocks.
        close: Called after it, hooks or not.
    """

    def __init__(
        self,
        run: Callable[[Callable[[], Awaitable[object]]], None],
        close: Callable[[], object],
    ) -> None:
        self._run = run
        self._close = close
        self._hooks: dict[object, tuple[_Hook, float]] = {}
        self._registered = False

    def add(self, hook: _Hook, budget_seconds: float) -> Callable[[], None]:
        """Add one; returns what removes it."""
        key = object()
        self._hooks[key] = (hook, budget_seconds)
        if not self._registered:
            self._registered = True
            at_exit(self._close)
            at_exit(self._drain)

        def remove() -> None:
            self._hooks.pop(key, None)

        return remove

    def _drain(self) -> None:
        hooks, self._hooks = list(self._hooks.values()), {}
        if not hooks:
            return
        budget = max(seconds for _, seconds in hooks)
        try:
            self._run(partial(_drain, [hook for hook, _ in hooks], budget))
        except KeyboardInterrupt:
            log.warning("interrupted at exit; what is unsent stays in the journal")
        except Exception:
            log.exception("the work at exit failed; what is unsent stays in the journal")


async def _drain(hooks: list[_Hook], budget: float) -> None:
    """Run all hooks at once; cancel what is not done after `budget` seconds."""
    import asyncio

    async def run(hook: _Hook) -> None:
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
