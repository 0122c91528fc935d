"""The newest row of each key set, from which a summary knows the last value of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncwb.journal.rows import Leaves

__all__ = ["LastRows"]

_MOST_KEY_SETS = 64
_LONGEST_PAUSE_SECONDS = 30.0
_MOST_ROWS_BETWEEN = 10_000


class LastRows:
    """Holds the payloads of rows until somebody asks for values.

    Copying the values of every row would cost as much as writing it, and holding the values
    themselves would keep tensors alive. A payload is there anyway, and never changes.

    Args:
        full: Called when there are too many key sets; it has to `take`.
        due: Called with the time after 1, 2, 4, ... rows, at least every 10,000 rows and every
            30 seconds of logging.
    """

    def __init__(self, full: Callable[[], None], due: Callable[[float], None]) -> None:
        self._full = full
        self._due = due
        self._keys: Leaves = ()
        self._payload: bytes | None = None
        self._older: dict[Leaves, bytes] = {}
        self._rows = 0
        self._rows_due = 1
        self._time_due = 0.0

    def observe(self, keys: Leaves, payload: bytes, now: float) -> None:
        """Note a written row. Called for every row, under the lock of the history."""
        if keys != self._keys:
            self._change_keys(keys)
        self._payload = payload
        self._rows = rows = self._rows + 1
        if rows >= self._rows_due or now >= self._time_due:
            self.postpone(now)
            self._due(now)

    def postpone(self, now: float) -> None:
        """Count from here again."""
        self._rows_due = self._rows + min(max(self._rows, 1), _MOST_ROWS_BETWEEN)
        self._time_due = now + _LONGEST_PAUSE_SECONDS

    def take(self) -> Iterator[bytes]:
        """Hand out the payloads, oldest first, and forget them."""
        older, self._older = self._older, {}
        newest, self._payload = self._payload, None
        yield from older.values()
        if newest is not None:
            yield newest

    def _change_keys(self, keys: Leaves) -> None:
        """Put the newest payload of the key set before with those of the others."""
        if self._payload is not None:
            # Insertion order is age: the newest goes to the end.
            self._older.pop(self._keys, None)
            self._older[self._keys] = self._payload
            self._payload = None
            if len(self._older) >= _MOST_KEY_SETS:
                self._full()
        self._keys = keys
