"""What a run sees of other libraries: torch models, TensorBoard writers, gym's recorders."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    from asyncwb.run.core import RunCore
    from asyncwb.run.patching import Patch
    from asyncwb.run.tensorboard import TensorBoard
    from asyncwb.run.watch import Watcher

__all__ = ["Observers"]

# So long the reading of event files may stand still at the end of a run.
_PATIENCE_SECONDS = 10.0


class Observers:
    """Makes each of them with its first use, and ends them with the run.

    Args:
        core: The run.
    """

    def __init__(self, core: RunCore) -> None:
        self._core = core
        # Hooks and writers may come from several threads at once.
        self._lock = Lock()
        self._watcher: Watcher | None = None
        self._tensorboard: TensorBoard | None = None
        self._patches: list[Patch] = []

    def start(self) -> None:
        """Begin to notice what the settings ask for."""
        settings = self._core.settings
        if settings.mode == "disabled":
            return
        if settings.sync_tensorboard:
            from asyncwb.run.tensorboard.patch import WRITERS

            self._patches.append(WRITERS)
        if settings.monitor_gym:
            from asyncwb.run.gym import RECORDERS

            self._patches.append(RECORDERS)
        for patch in self._patches:
            patch.acquire()

    @property
    def watcher(self) -> Watcher:
        """Of torch models."""
        from asyncwb.run.watch import Watcher

        with self._lock:
            if self._watcher is None:
                self._watcher = Watcher(self._core)
            return self._watcher

    @property
    def tensorboard(self) -> TensorBoard:
        """Of TensorBoard's folders."""
        from asyncwb.run.tensorboard import TensorBoard

        with self._lock:
            if self._tensorboard is None:
                self._tensorboard = TensorBoard(self._core)
            return self._tensorboard

    async def drain(self, timeout: float | None) -> None:
        """Turn everything seen so far into rows, off the caller's thread."""
        if self._tensorboard is not None:
            seconds = _PATIENCE_SECONDS if timeout is None else min(timeout, _PATIENCE_SECONDS)
            await PORTAL.in_thread(self._tensorboard.drain, seconds)

    def end(self) -> None:
        """Turn what is left into rows and see nothing more; waits for files where any are left.

        The run's lock is not to be held: the thread that reads the files needs it.
        """
        patches, self._patches = self._patches, []
        for patch in patches:
            patch.release()
        if self._watcher is not None:
            self._watcher.close()
        if self._tensorboard is not None:
            self._tensorboard.drain(_PATIENCE_SECONDS)

    def leave_to_parent(self) -> None:
        """In a forked child: see nothing, with a lock that nobody holds."""
        self._lock = Lock()
        if self._watcher is not None:
            self._watcher.leave_to_parent()
        if self._tensorboard is not None:
            self._tensorboard.leave_to_parent()
