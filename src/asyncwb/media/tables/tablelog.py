"""What has been logged of a table: logged again, it is what it was, or what was added since."""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Published", "TableLogState"]


class Published(NamedTuple):
    """What a run holds of a table.

    Attributes:
        version: How often the table had changed.
        value: Its JSON in a row.
    """

    version: int
    value: dict[str, Any]


class TableLogState:
    """What is known of one table. `lock` is held while one of its versions is written.

    Attributes:
        version: How often the table has changed.
        rows: Of an incremental table: how many rows are logged.
        increment: Of an incremental table: number of the last increment; None: there is none.
        previous: Paths of the increments before the last one.
    """

    def __init__(self) -> None:
        self.version = 0
        self.rows = 0
        self.increment: int | None = None
        self.previous: list[str] = []
        self._by_run: WeakKeyDictionary[object, Published] = WeakKeyDictionary()
        self._lock = RLock()
        self._process = os.getpid()

    @property
    def lock(self) -> RLock:
        """Held by whoever writes the table; reentrant, for signal handlers."""
        if self._process != os.getpid():
            # In a forked child a thread of the parent may have held it for good.
            self._lock, self._process = RLock(), os.getpid()
        return self._lock

    def changed(self) -> bool:
        """Note a change; returns whether the table was logged before."""
        self.version += 1
        return bool(self._by_run)

    def published(self, run: object) -> Published | None:
        """What a run holds of it."""
        return self._by_run.get(run)

    @property
    def other_runs(self) -> int:
        """How many runs hold it."""
        return len(self._by_run)

    def publish(self, run: object, version: int, value: dict[str, Any]) -> dict[str, Any]:
        """Note what a run holds of it; returns that."""
        self._by_run[run] = Published(version, value)
        return value

    def resume(self, last: Mapping[str, Any]) -> None:
        """Continue the increments that an earlier process logged.

        Args:
            last: The JSON of the last one.
        """
        self.previous = [*last.get("previous_increments_paths", ())]
        if path := last.get("artifact_path"):
            self.previous.append(path)
        self.increment = int(last.get("increment_num", 0)) + 1

    def __reduce__(self) -> tuple[type[TableLogState], tuple[()]]:
        # Of a copy, nothing has been logged.
        return TableLogState, ()
