"""Blocking calls from tests, async ones included: a test may well stop its own loop."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["call"]

P = ParamSpec("P")
T = TypeVar("T")


def call(fn: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await `fn(...)` in asyncwb's loop and wait for it, whatever loop runs in this thread.

    The wait is another thread's: asyncwb warns of blocking calls in a thread that runs a loop,
    which is right for programs and noise for assertions.
    """
    from asyncwb.portal import PORTAL

    async def awaited() -> T:
        return await fn(*args, **kwargs)

    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(PORTAL.call(awaited))
        except BaseException as exc:  # noqa: BLE001 - raised again in the caller's thread
            failure.append(exc)

    thread = threading.Thread(target=partial(run), name="asyncwb-testing")
    thread.start()
    thread.join()
    if failure:
        raise failure.pop()
    return outcome[0]
