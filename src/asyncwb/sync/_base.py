"""What the generated classes stand on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from asyncwb.portal import PORTAL
from asyncwb.run.context import enter_run
from asyncwb.run.start import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from asyncwb.portal.pump import LoopIterator
    from asyncwb.run import run as _run
    from asyncwb.run.init import RunInit

__all__ = ["BatchIterator", "Wrapper", "begin", "unwrapped", "wrapped", "wrapped_as"]

A = TypeVar("A")
T = TypeVar("T")


class Wrapper(Generic[A]):
    """A blocking object around an async one. Two around the same one are equal."""

    _async: A

    @classmethod
    def from_async(cls, wrapped: A) -> Self:
        """The blocking object around an async one; the run or file behind both is the same.

        Args:
            wrapped: The async object.
        """
        made = cls.__new__(cls)
        made._async = wrapped
        return made

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return other._async is self._async

    def __hash__(self) -> int:
        return hash((type(self), id(self._async)))

    def __repr__(self) -> str:
        return f"<asyncwb.sync.{type(self).__name__} of {self._async!r}>"


class BatchIterator(Iterator[T], Generic[T]):
    """The items of an iterator over lists: the threads meet once per list.

    Args:
        batches: Gives the lists; closed with this one.
    """

    def __init__(self, batches: LoopIterator[list[T]]) -> None:
        self._batches = batches
        self._items: Iterator[T] = iter(())

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        __tracebackhide__ = True
        while True:
            for item in self._items:
                return item
            self._items = iter(next(self._batches))

    def close(self) -> None:
        """End the generator and wait for its `finally` blocks. Idempotent."""
        __tracebackhide__ = True
        self._items = iter(())
        self._batches.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class WrappedIterator(Iterator[T], Generic[A, T]):
    """The items of an iterator of the loop, wrapped; closes like it."""

    def __init__(self, items: LoopIterator[A] | BatchIterator[A], wrap: Callable[[A], T]) -> None:
        self._items = items
        self._wrap_item = wrap

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        return self._wrap_item(next(self._items))

    def close(self) -> None:
        """End the generator and wait for its `finally` blocks. Idempotent."""
        self._items.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def wrapped(
    items: LoopIterator[A] | BatchIterator[A], wrap: Callable[[A], T]
) -> WrappedIterator[A, T]:
    """Wrap every item."""
    return WrappedIterator(items, wrap)


def unwrapped(value: Any) -> Any:
    """The async object of a blocking one; anything else as it is."""
    return value._async if isinstance(value, Wrapper) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType, reportPrivateUsage]


def wrapped_as(found: object, *twins: type[Any]) -> Any:
    """Wrap an object of one of several classes in its own twin."""
    for twin in twins:
        [wraps] = twin.__orig_bases__[0].__args__
        if isinstance(found, wraps):
            return twin.from_async(found)
    raise TypeError(f"{type(found).__name__} has none of these twins: {twins}")


def begin(starter: RunInit) -> _run.Run:
    """Start a run and block until it is there; it becomes the current one of this context.

    The part that needs no server runs in the calling thread: a run without one starts no loop.
    """
    if starter._reinit_blocking() == "create_new":  # pyright: ignore[reportPrivateUsage]
        try:
            run, connection = starter._start_blocking()  # pyright: ignore[reportPrivateUsage]
            if connection is not None:
                PORTAL.call(connect, run, connection, starter._options.wait)  # pyright: ignore[reportPrivateUsage]
            PORTAL.here(run._log_code_dir)  # pyright: ignore[reportPrivateUsage]
        except BaseException:
            starter._abandon()  # pyright: ignore[reportPrivateUsage]
            raise
    else:
        run = PORTAL.call(starter._begin)  # pyright: ignore[reportPrivateUsage]
    # A coroutine in the loop changes its own copy of the context only.
    enter_run(run)
    return run
