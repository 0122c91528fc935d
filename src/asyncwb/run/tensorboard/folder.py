"""One folder of event files: which files count, in which order, and what their tags begin with."""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from asyncwb.run.tensorboard.event_file import EventFile
from asyncwb.run.tensorboard.rows import EventRows

if TYPE_CHECKING:
    from asyncwb.run.core import RunCore

__all__ = ["LogFolder", "Roots"]

_log = logging.getLogger("asyncwb.run")

_NAME = r"tfevents\.(\d+)\."
_NOT_OURS = (".profile-empty", ".sagemaker-uploaded")
# So long a second folder is waited for: only two show what they have in common.
_GUESS_SECONDS = 10.0


class Roots:
    """What the folders of one run have in common: the rest of their paths precedes their tags."""

    def __init__(self) -> None:
        self._paths: list[Path] = []
        self.common: Path | None = None

    def add(self, path: Path) -> None:
        """Note a folder; the first two decide."""
        if self.common is None:
            self._paths.append(path)
            if len(self._paths) == 2:
                self.common = Path(os.path.commonpath(self._paths))


class LogFolder:
    """Reads the event files of one folder that this machine wrote since the run began.

    Args:
        core: The run.
        path: The folder, absolute.
        root: What to take off its path, None: to be guessed from the other folders.
        roots: The folders of the run.
        save: Whether the files are uploaded with the run.
    """

    def __init__(
        self, core: RunCore, path: Path, *, root: Path | None, roots: Roots, save: bool
    ) -> None:
        self._core = core
        self.path = path
        self._root = root
        self._roots = roots
        self._save = save
        self._guess_until = time.monotonic() + _GUESS_SECONDS
        self._rows: EventRows | None = None
        self._file: EventFile | None = None
        self._pattern = re.compile(_NAME + re.escape(socket.gethostname()))

    def read(self, *, ending: bool) -> bool:
        """Read about a MiB of events; whether there may be more right now.

        Args:
            ending: Nothing is written any more: nothing is waited for either.
        """
        rows = self._rows or self._begin(ending=ending)
        if rows is None:
            return False
        try:
            # Looked for first: once it is there, the file before it does not grow any more.
            following = self._following()
            events = self._file.read() if self._file is not None else []
        except OSError as error:
            _log.debug("%s: %s", self.path, error)
            return False
        for event in events:
            rows.add(event)
        if events:
            return True
        if following is None:
            return False
        self._file = EventFile(following)
        if self._save:
            self._keep(following)
        return True

    def end(self) -> None:
        """Write the last row."""
        if self._rows is not None:
            self._rows.flush()

    def _begin(self, *, ending: bool) -> EventRows | None:
        """Settle what tags begin with; None while that is not known."""
        root = self._root or self._roots.common
        if root is None and not ending and time.monotonic() < self._guess_until:
            return None
        namespace = ""
        if root is not None:
            namespace = _below(self.path, root) or ""
        self._root = root or Path.cwd()
        self._rows = EventRows(self._core, namespace)
        return self._rows

    def _following(self) -> Path | None:
        """The event file after the current one."""
        after = self._file.path.name if self._file is not None else ""
        try:
            names = sorted(name for name in os.listdir(self.path) if name > after)
        except FileNotFoundError:
            return None
        return next((self.path / name for name in names if self._counts(name)), None)

    def _counts(self, name: str) -> bool:
        found = self._pattern.search(name)
        return (
            found is not None
            and int(found[1]) >= int(self._core.start_time)
            and not name.endswith(_NOT_OURS)
        )

    def _keep(self, file: Path) -> None:
        """Have a file uploaded at the end of the run: a link in the run's folder leads to it."""
        below = _below(file, self._root or self.path.parent)
        name = PurePath(self.path.name, file.name).as_posix() if below is None else below
        link = self._core.folder.files_path / name
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
        except OSError as error:
            _log.warning("%s is not uploaded: %s", file, error)
            return
        self._core.recorder.files([name], policy="end")


def _below(path: Path, root: Path) -> str | None:
    """The path from `root` on, with forward slashes; None where it lies elsewhere."""
    if not path.is_relative_to(root):
        return None
    found = path.relative_to(root).as_posix()
    return "" if found == "." else found
