"""Follows the folders of one run's TensorBoard writers, in a thread of its own."""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakSet

from asyncwb.run.tensorboard.folder import LogFolder, Roots

if TYPE_CHECKING:
    from asyncwb.run.core import RunCore

__all__ = ["TensorBoard"]

_log = logging.getLogger("asyncwb.run")

_LOOK_SECONDS = 1.0


class TensorBoard:
    """Turns event files into rows, a MiB of one folder at a time, until the run ends.

    A thread reads, because files block: neither the caller nor the event loop waits for them. It
    starts with the first folder.

    Args:
        core: The run.
    """

    def __init__(self, core: RunCore) -> None:
        self._core = core
        self._live = core.settings.mode != "disabled"
        self._lock = threading.Lock()
        self._folders: dict[Path, LogFolder] = {}
        self._roots = Roots()
        self._writers: WeakSet[object] = WeakSet()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        # Grows while the thread gets on.
        self._reads = 0

    def follow(self, path: str, *, root: str, save: bool, writer: object | None = None) -> None:
        """Follow a folder from now on; again is harmless.

        Args:
            path: Where a writer writes.
            root: What to take off its path to have what precedes its tags; "": to be guessed.
            save: Whether its files are uploaded with the run.
            writer: Flushed at the end of the run.
        """
        if not self._live or self._ending.is_set():
            return
        if "://" in path:
            _log.warning("%s is not followed: only local folders are", path)
            return
        folder = Path(path).absolute()
        with self._lock:
            if writer is not None:
                self._writers.add(writer)
            if folder not in self._folders:
                self._roots.add(folder)
                self._folders[folder] = LogFolder(
                    self._core,
                    folder,
                    root=Path(root).absolute() if root else None,
                    roots=self._roots,
                    save=save,
                )
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._follow, name="asyncwb-tensorboard", daemon=True
                )
                self._thread.start()

    def drain(self, patience_seconds: float) -> None:
        """Read what is there to the end, then follow no more. Blocks; again is harmless.

        Args:
            patience_seconds: How long a step may take before this gives up, with a warning.
        """
        self._ending.set()
        thread, self._thread = self._thread, None
        while thread is not None and thread.is_alive():
            before = self._reads
            thread.join(patience_seconds)
            if thread.is_alive() and self._reads == before:
                self._core.terminal.warning("TensorBoard's files cannot be read: some are left out")
                return

    def leave_to_parent(self) -> None:
        """In a forked child: the thread is not there."""
        self._live = False
        self._thread = None

    def _follow(self) -> None:
        try:
            self._follow_to_the_end()
        except Exception:  # noqa: BLE001 - the end of a thread
            _log.exception("TensorBoard's files are not followed any more")

    def _follow_to_the_end(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            self._read_all(ending=False)
        for writer in list(self._writers):
            # Closed, or failed, in which case its user has heard of it.
            with contextlib.suppress(Exception):
                writer.flush()  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        self._read_all(ending=True)
        for folder in self._known():
            folder.end()

    def _read_all(self, *, ending: bool) -> None:
        """Read each folder to the end of what is there."""
        waiting: list[LogFolder] = self._known()
        while waiting:
            waiting = [one for one in waiting if one.read(ending=ending)]
            self._reads += 1
            if not ending and self._ending.is_set():
                return

    def _known(self) -> list[LogFolder]:
        with self._lock:
            return list(self._folders.values())
