"""What has been logged of a table: logged again, it is what it was, or what was added since."""

from __future__ import annotations

import os
from threading import RLock
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import ReferenceType, WeakKeyDictionary, ref

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Coming", "Published", "StoredTable", "TableLogState"]

# An encoder that takes longer is not waited for.
_PATIENCE_SECONDS = 600.0


class Coming(Protocol):
    """What writes a table into a run, in another thread."""

    def wait(self, timeout: float | None) -> bool:
        """Wait until it is over; False after `timeout` seconds."""
        ...


class StoredTable(NamedTuple):
    """The file of a table in an artifact that is logged: another artifact can refer to it.

    Attributes:
        path: Path in the artifact.
        digest: Base64 of the content's hash.
        url: URI under which others refer to it.
    """

    path: str
    digest: str
    url: str

    @property
    def ref(self) -> None:
        """It is a file, and refers to nothing."""

    def ref_url(self) -> str:
        """URI under which others refer to it."""
        return self.url


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
        self._stored: tuple[int, StoredTable] | None = None
        # Weak, as it has the run.
        self._coming: tuple[int, ReferenceType[Coming]] | None = None
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

    def expect(self, work: Coming) -> None:
        """Note what is about to write it."""
        self._coming = os.getpid(), ref(work)

    def store(self, version: int, stored: StoredTable) -> None:
        """Note where a version of it lies."""
        self._stored = version, stored

    def stored(self, version: int) -> StoredTable | None:
        """Where a version of it lies, once what is about to write it is over. Blocks for that."""
        process, coming = self._coming or (0, None)
        if coming is not None and process == os.getpid() and (work := coming()) is not None:
            work.wait(_PATIENCE_SECONDS)
        found = self._stored
        return found[1] if found is not None and found[0] == version else None

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
