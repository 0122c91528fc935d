"""Run slow pieces on the portal's threads, which stay usable at interpreter exit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

import anyio

from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

__all__ = ["Offloaded", "offload", "offload_whole"]

P = ParamSpec("P")
T = TypeVar("T")


class Offloaded(Generic[T]):
    """A call that runs in a thread of the portal from now on. In the loop.

    Args:
        fn: What is called.
        args: Its arguments.
        kwargs: And those with names.
    """

    def __init__(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        done = self._done = anyio.Event()
        self._future: Future[T] = PORTAL.executor.submit(fn, *args, **kwargs)

        # Not a method: a circle would keep what the call returned until the garbage is collected.
        def wake(_: Future[T]) -> None:
            PORTAL.post(done.set)

        self._future.add_done_callback(wake)

    async def result(self) -> T:
        """What it returned, or raised; cancelling the caller abandons that."""
        try:
            await self._done.wait()
        except BaseException:
            self._future.cancel()
            raise
        return self._future.result()

    async def over(self) -> None:
        """Wait until it has ended, or will not begin, even where the caller is cancelled."""
        self._future.cancel()
        with anyio.CancelScope(shield=True):
            await self._done.wait()


async def offload(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn` in a thread of the portal; cancelling the caller abandons the result."""
    return await Offloaded(fn, *args, **kwargs).result()


async def offload_whole(fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `fn` in a thread and wait for its end, cancelled or not.

    For what must not go on afterwards, or holds something open.
    """
    found: list[T] = []
    with anyio.CancelScope(shield=True):
        found.append(await offload(fn, *args, **kwargs))
    return found[0]
