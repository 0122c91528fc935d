"""Files that are watched for changes: one watcher per process, however many runs and files."""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import anyio

from asyncwb.portal import PORTAL
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from watchfiles._rust_notify import RustNotify

    from asyncwb.portal.background import Background

__all__ = ["FileWatch", "watchable"]

log = logging.getLogger("asyncwb.sender")

_LOOK_SECONDS = 0.5
_POLL_MILLISECONDS = 2000


class FileWatch:
    """Tells who asked when files change. Lives in asyncwb's loop; get it with `shared`.

    The watcher collects changes in a thread of its own that holds no lock of the interpreter;
    one task asks for them twice a second, and ends with the last watched file.
    """

    def __init__(self) -> None:
        self._listeners: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._places: Counter[str] = Counter()
        self._fresh: list[Callable[[], None]] = []
        self._task: Background | None = None

    @classmethod
    async def shared(cls) -> FileWatch:
        """The one of this process."""

        async def make() -> FileWatch:
            return cls()

        return await PORTAL.resource("asyncwb.sender.file_watch", make, FileWatch.aclose)

    async def aclose(self) -> None:
        """End it; with the loop."""
        self._places.clear()

    def add(self, path: str, places: Iterable[str], tell: Callable[[], None]) -> Callable[[], None]:
        """Watch a file.

        Args:
            path: From `watchable`.
            places: From `watchable`.
            tell: Called in the loop soon after a change, and once when the watch has begun.

        Returns:
            A function that ends it; call it once.
        """
        self._listeners[path].append(tell)
        self._places.update(places)
        self._fresh.append(tell)
        if self._task is None:
            self._task = PORTAL.spawn(self._run, name="asyncwb file watch")

        def remove() -> None:
            self._listeners[path].remove(tell)
            if not self._listeners[path]:
                del self._listeners[path]
            for place in places:
                self._places[place] -= 1
                if self._places[place] <= 0:
                    del self._places[place]

        return remove

    async def _run(self) -> None:
        watcher: RustNotify | None = None
        watched: frozenset[str] = frozenset()
        try:
            while self._places:
                fresh, self._fresh = self._fresh, []
                if watched != self._places.keys():
                    watched = frozenset(self._places)
                    old, watcher = watcher, await offload(_open, watched)
                    await self._tell(old)
                    if old is not None:
                        old.close()
                # What happened before the watch began is not known.
                for tell in fresh:
                    tell()
                await self._tell(watcher)
                await anyio.sleep(_LOOK_SECONDS)
        finally:
            self._task = None
            if watcher is not None:
                watcher.close()

    async def _tell(self, watcher: RustNotify | None) -> None:
        if watcher is None:
            return
        for path in await offload(_changes, watcher):
            for tell in self._listeners.get(path, ()):
                tell()


def watchable(path: str) -> tuple[str, tuple[str, ...]]:
    """Under which path a file's changes are told, and where to watch for them. Blocks.

    Programs replace files by renaming: the folder sees that. What is written to a file with
    several names is told in the folder of the name in use only: there the file itself is watched,
    too.
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    try:
        linked = os.stat(path).st_nlink > 1
    except OSError:
        linked = False
    return path, (folder, path) if linked else (folder,)


def _open(places: Collection[str]) -> RustNotify | None:
    """Begin to watch; a place that is gone is left out."""
    from watchfiles._rust_notify import RustNotify

    for polling in (False, True):
        present = [place for place in places if os.path.exists(place)]
        try:
            return RustNotify(present, False, polling, _POLL_MILLISECONDS, False, True)
        except (OSError, RuntimeError) as exc:
            # Limits of the operating system, or a file system that reports nothing.
            log.debug("files cannot be watched (polling: %s): %s", polling, exc)
            error = exc
    log.warning("changes of live files are not seen before the end of the run: %s", error)
    return None


def _changes(watcher: RustNotify) -> set[str]:
    """Paths that changed since the last call; takes 2 ms."""
    found = watcher.watch(1, 1, 1, None)
    return {path for _, path in found} if isinstance(found, set) else set()
