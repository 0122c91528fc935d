"""Notices the TensorBoard writers that are opened while somebody asked for it."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING, Any

from asyncwb.errors import UsageError
from asyncwb.run.context import current_run
from asyncwb.run.patching import Patch

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["WRITERS", "WriterPatch"]

_CLASSES = (
    "tensorboard.summary.writer.event_file_writer",  # torch.utils.tensorboard uses it, too
    "tensorboardX.event_file_writer",
    "tensorflow.python.summary.writer.event_file_writer",
)
_FUNCTIONS = "tensorflow.python.ops.gen_summary_ops"


class WriterPatch(Patch):
    """Watches what opens event files. One per process.

    Its users are runs with `sync_tensorboard`, and whoever called `patch`.
    """

    def __init__(self) -> None:
        super().__init__(
            {**dict.fromkeys(_CLASSES, self._watch_class), _FUNCTIONS: self._watch_function}
        )
        self._forget()

    def _forget(self) -> None:
        self._asked = False
        self._save = True
        self._root = ""
        self._skip_tensorflow = False

    def patch(self, *, save: bool, root_logdir: str, skip_tensorflow: bool) -> None:
        """Stay in place until `unpatch`, for every run.

        Raises:
            UsageError: It was called already.
        """
        if self._asked:
            raise UsageError("patch() was called already; call unpatch() first")
        self._asked = True
        self._save, self._root, self._skip_tensorflow = save, root_logdir, skip_tensorflow
        self.acquire()

    def unpatch(self) -> None:
        """Undo `patch`; without it nothing happens."""
        if self._asked:
            self._forget()
            self.release()

    def _watch_class(self, module: ModuleType) -> None:
        def opened(writer: object, logdir: Any, *_: object, **__: object) -> None:
            self._tell_run(logdir, writer)

        self.observe(getattr(module, "EventFileWriter", None), "__init__", opened)

    def _watch_function(self, module: ModuleType) -> None:
        def opened(*_: object, logdir: Any = None, **__: object) -> None:
            if logdir is not None and not self._skip_tensorflow:
                self._tell_run(logdir.numpy() if hasattr(logdir, "numpy") else logdir, None)

        self.observe(module, "create_summary_file_writer", opened)

    def _tell_run(self, logdir: Any, writer: object | None) -> None:
        run = current_run()
        if run is None:
            return
        core = run._core  # pyright: ignore[reportPrivateUsage]
        if core.forked or core.ended or not (self._asked or core.settings.sync_tensorboard):
            return
        path = os.fsdecode(logdir)
        core.observers.tensorboard.follow(
            path, root=self._root_of(path), save=self._save, writer=writer
        )

    def _root_of(self, path: str) -> str:
        """What is taken off the path of a folder; "": to be guessed."""
        # A folder that torch named by the time and the host: nothing of it precedes the tags.
        named = re.search(rf"-\d+_{re.escape(socket.gethostname())}", path)
        if named is not None:
            return path[: named.end()]
        inside = os.path.abspath(path).startswith(os.path.abspath(self._root))
        return self._root if self._root and inside else ""


WRITERS = WriterPatch()
