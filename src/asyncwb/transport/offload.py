"""Run slow pieces on the portal's threads, which stay usable at interpreter exit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

import anyio

from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["offload", "offload_whole"]

P = ParamSpec("P")
T = TypeVar("T")


async def offload(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn` in a thread of the portal; cancelling the caller abandons the result."""
    future = PORTAL.executor.submit(fn, *args, **kwargs)
    done = anyio.Event()

    def wake(_: Future[T]) -> None:
        PORTAL.post(done.set)

    future.add_done_callback(wake)
    try:
        await done.wait()
    except BaseException:
        future.cancel()
        raise
    return future.result()


async def offload_whole(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn` in a thread and wait for its end, cancelled or not.

    For what must not go on afterwards, or holds something open.
    """
    found: list[T] = []
    with anyio.CancelScope(shield=True):
        found.append(await offload(fn, *args, **kwargs))
    return found[0]
