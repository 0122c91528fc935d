"""Decorators for methods whose body runs in asyncwb's loop, whoever calls them."""

from __future__ import annotations

from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from asyncwb.portal.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

__all__ = ["on_loop", "on_loop_iter"]

S = TypeVar("S")
P = ParamSpec("P")
T = TypeVar("T")


def on_loop(
    method: Callable[Concatenate[S, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, T]]:
    """Run a coroutine method in the loop; see `Portal.acall` for what a caller may rely on."""

    async def hop(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        if PORTAL.in_loop():
            return await method(self, *args, **kwargs)
        return await PORTAL.acall(method, self, *args, **kwargs)

    return update_wrapper(hop, method)


def on_loop_iter(
    method: Callable[Concatenate[S, P], AsyncIterator[T]],
) -> Callable[Concatenate[S, P], AsyncIterator[T]]:
    """Run an async generator method in the loop; see `Portal.aiterate`."""

    def hop(self: S, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        if PORTAL.in_loop():
            return method(self, *args, **kwargs)
        return PORTAL.aiterate(method, self, *args, **kwargs)

    return update_wrapper(hop, method)
