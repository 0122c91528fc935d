"""A run's media from outside: made with the first value, and ended with the run."""

from __future__ import annotations

from contextlib import suppress
from threading import RLock
from time import monotonic
from typing import TYPE_CHECKING, Any

from asyncwb.errors import WaitTimeoutError
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from asyncwb.media.base import Media, Place
    from asyncwb.media.files import MediaFiles
    from asyncwb.run.core import RunCore
    from asyncwb.run.media.jobs import MediaJob
    from asyncwb.run.media.keeping import RowKeeper
    from asyncwb.run.media.run_media import RunMedia
    from asyncwb.run.media.tables import TableLog

__all__ = ["MediaDesk"]

_NUMBERS_AND_TEXTS = frozenset({float, int, str, bool, type(None)})


class MediaDesk:
    """What history, summary and the end of a run ask about media.

    Args:
        core: The run.
    """

    __slots__ = ("_core", "_keeper", "_lock", "_media", "_tables")

    def __init__(self, core: RunCore) -> None:
        self._core = core
        # Reentrant: a signal handler may log an image while its thread makes this.
        self._lock = RLock()
        self._media: RunMedia | None = None
        self._tables: TableLog | None = None
        self._keeper: RowKeeper | None = None

    @property
    def files(self) -> MediaFiles:
        """Writes the files of values that others encode."""
        return self._get().files

    def take(
        self, values: Mapping[str, Any], step: int | str
    ) -> tuple[dict[str, Any], dict[tuple[str, ...], MediaJob]] | None:
        """Separate the media in a row from what is not, as `RunMedia.take`; None without any."""
        if _NUMBERS_AND_TEXTS.issuperset(map(type, values.values())):
            return None  # without loading what media are made of
        from asyncwb.run.media.shapes import holds_media

        return self._get().take(values, step) if holds_media(values) else None

    def start(self, jobs: Sequence[MediaJob]) -> None:
        """Have values encoded. Not under the run's lock: it may be done here and now."""
        if jobs:
            self._get().start(jobs)

    def keep(
        self,
        jobs: Mapping[tuple[str, ...], MediaJob],
        row_of: Callable[[dict[tuple[str, ...], Any]], bytes],
    ) -> int:
        """Have a row survive that waits for media; see `RowKeeper.keep`."""
        with self._lock:
            if self._keeper is None:
                from asyncwb.run.media.keeping import RowKeeper

                folder = self._core.folder.path / "kept"
                self._keeper = RowKeeper(folder, self._core.recorder)
        return self._keeper.keep(jobs, row_of)

    def let_go(self, number: int) -> None:
        """Forget what was kept of a row: it is complete in the journal."""
        if self._keeper is not None:
            self._keeper.let_go(number)

    def wait(self, timeout: float | None) -> bool:
        """Block until what is under way is in the journal; False after `timeout` seconds."""
        return self._media is None or self._media.drain(timeout)

    async def drain(self, timeout: float | None) -> bool:
        """The same, off the caller's thread."""
        if self._media is None or not self._media.waiting:
            return True
        return await PORTAL.in_thread(self._media.drain, timeout)

    async def settled(self, timeout: float | None) -> float | None:
        """Wait until what is under way is in the journal.

        Returns:
            What is left of the timeout.

        Raises:
            WaitTimeoutError: Nothing is left of it.
        """
        began = monotonic()
        complete = await self.drain(timeout)
        if timeout is None:
            return None
        if not complete:
            raise WaitTimeoutError(
                f"images and other media are still being encoded after {timeout:g} s; nothing is "
                "lost: call flush() again"
            )
        return max(0.0, timeout - (monotonic() - began))

    def close(self) -> None:
        """Give up what is not done; waits for nothing."""
        if self._media is not None:
            self._media.close()

    def end(self) -> None:
        """Clean up, once the last row is written."""
        if self._keeper is not None:
            with suppress(OSError):
                self._keeper.close()

    def leave_to_parent(self) -> None:
        """In a forked child: what is under way is the parent's."""
        self._lock = RLock()
        self._keeper = None
        if self._media is not None:
            self._media.leave_to_parent()

    def _get(self) -> RunMedia:
        with self._lock:
            if self._media is None:
                from asyncwb.run.media.run_media import RunMedia

                core = self._core
                self._media = RunMedia(
                    core.folder.files_path,
                    core.recorder,
                    core.settings,
                    self._publish,
                    self._done,
                )
            return self._media

    def _publish(self, value: Media, place: Place, key: str, step: int | str) -> dict[str, Any]:
        """Put a table into an artifact."""
        with self._lock:
            if self._tables is None:
                from asyncwb.run.media.tables import TableLog

                self._tables = TableLog(self._core)
        return self._tables.publish(value, place, key, step)

    def _done(self, job: MediaJob) -> None:
        self._core.history.job_done(job)
        self._core.summary.job_done(job)
