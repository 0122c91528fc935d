"""Requests that run ahead of the one who consumes their answers, in order."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from asyncwb.errors import ClosedError
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Ahead", "PerProcess"]

T = TypeVar("T")

_CLOSE_SECONDS = 5.0


class _Flight(Generic[T]):
    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self.scope = anyio.CancelScope()
        self.landed = anyio.Event()
        self._values: list[T] = []
        self._error: Exception | None = None

    async def fly(self) -> None:
        try:
            with self.scope:
                self._values.append(await self._call())
        except Exception as exc:  # noqa: BLE001 - kept, and raised where the result is asked for
            self._error = exc
        finally:
            self.landed.set()

    async def result(self) -> T:
        await self.landed.wait()
        if self._error is not None:
            raise self._error
        if not self._values:
            raise ClosedError("asyncwb was shut down while a request was under way")
        return self._values[0]


class Ahead(Generic[T]):
    """Calls in flight, whose results are taken in the order in which they were started.

    Lives in asyncwb's loop. There is no task group across the yields of the iterators that use
    it: each call is a background task of the portal, and `aclose` ends them all.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._flights: deque[_Flight[T]] = deque()

    def __len__(self) -> int:
        """Number of calls whose result has not been taken."""
        return len(self._flights)

    def start(self, call: Callable[[], Awaitable[T]]) -> None:
        """Start a call behind the others."""
        flight = _Flight(call)
        self._flights.append(flight)
        PORTAL.spawn(flight.fly, name=self._name)

    async def next(self) -> T:
        """Wait for the oldest call and take its result; raises what it raised."""
        flight = self._flights[0]
        try:
            return await flight.result()
        finally:
            # A cancelled wait leaves the flight to `aclose`.
            if flight.landed.is_set():
                self._flights.popleft()

    async def aclose(self) -> None:
        """Cancel what is still in flight and wait for its cleanup."""
        for flight in self._flights:
            flight.scope.cancel()
        with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
            while self._flights:
                await self._flights[0].landed.wait()
                self._flights.popleft()


class PerProcess(Generic[T]):
    """An object of the loop (a lock, a limiter), made anew in a forked child.

    One that the parent's loop held at the fork would never be released in the child.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: tuple[int, T] | None = None

    def get(self) -> T:
        """The object of this process; call it in the loop."""
        pid = os.getpid()
        if self._made is None or self._made[0] != pid:
            self._made = pid, self._make()
        return self._made[1]
