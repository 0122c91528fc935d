"""The work at the interpreter's exit, under a time budget. Imports no asyncio until then."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["drain"]

log = logging.getLogger("asyncwb.portal")


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
