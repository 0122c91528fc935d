"""Watching calls inside other libraries, only while a run asked for it."""

from __future__ import annotations

import functools
import os
import threading
from typing import TYPE_CHECKING, Any

from asyncwb.run.imports import WhenImported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

__all__ = ["Patch"]


class Patch:
    """Wrappers in modules of other libraries, in place while there are users of them.

    Made once per process and for good.

    No module is imported for it: those that are not there yet are wrapped when they come.

    Args:
        actions: By module: what wraps its functions or classes, by `observe`.
    """

    def __init__(self, actions: Mapping[str, Callable[[ModuleType], None]]) -> None:
        self._actions = actions
        self._lock = threading.RLock()
        self._users = 0
        self._imports: WhenImported | None = None
        self._undo: list[Callable[[], None]] = []
        if hasattr(os, "register_at_fork"):
            # Another thread of the parent may hold the lock: nobody in the child would release it.
            os.register_at_fork(after_in_child=self._new_lock)

    def acquire(self) -> None:
        """Put the wrappers in place, for one more user."""
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._imports = WhenImported(self._actions)
                self._imports.start()

    def release(self) -> None:
        """Take the wrappers away with their last user."""
        with self._lock:
            self._users -= 1
            if self._users or self._imports is None:
                return
            self._imports.stop()
            self._imports = None
            undo, self._undo = self._undo, []
        for one in undo:
            one()

    def _new_lock(self) -> None:
        self._lock = threading.RLock()

    def observe(
        self, owner: Any, name: str, note: Callable[..., Callable[[], object] | None]
    ) -> None:
        """Wrap a function of a module, or a method of a class.

        Args:
            owner: The module or class; without such an attribute nothing happens.
            name: The function's or method's name.
            note: Called with the arguments before each call; what it returns is called after
                one that raised nothing.
        """
        original = getattr(owner, name, None)
        if original is None:
            return
        live = True

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            then = note(*args, **kwargs) if live else None
            result = original(*args, **kwargs)
            if then is not None:
                then()
            return result

        def undo() -> None:
            nonlocal live
            live = False
            # Where somebody wrapped it meanwhile, ours stays below and does nothing.
            if getattr(owner, name) is wrapper:
                setattr(owner, name, original)

        setattr(owner, name, wrapper)
        self._undo.append(undo)
