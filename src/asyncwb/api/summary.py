"""The summary of a run, as read back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from asyncwb.portal import on_loop

__all__ = ["Summary"]


class Summary(Mapping[str, Any]):
    """Last values of a run; a mapping that can be changed.

    Assignments, nested ones too (`summary["best"]["loss"] = 0.1`), change this object only.
    `await summary.update()` or `await run.update()` sends the whole of it.
    """

    def __init__(
        self, values: dict[str, Any], write: Callable[[dict[str, Any]], Awaitable[None]]
    ) -> None:
        self._values = values
        self._write = write

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - any JSON value
        return self._values[key]

    def __setitem__(self, key: str, value: object) -> None:
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    @on_loop
    async def update(self, values: Mapping[str, Any] | None = None) -> None:
        """Merge values in and send the whole summary, which replaces the server's.

        Args:
            values: New top-level values; None sends what was assigned.

        Raises:
            InvalidValueError: A value cannot be written as JSON.
            CommError: The server refused or was not reached.
        """
        self._values.update(values or {})
        await self._write(self._values)
