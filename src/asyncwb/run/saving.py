"""Brings files into the folder of a run and asks for their upload."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from asyncwb.errors import InvalidValueError
from asyncwb.run.selection import select

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.run.recorder import Recorder
    from asyncwb.run.selection import Selection
    from asyncwb.run.terminal import Terminal
    from asyncwb.settings import Settings
    from asyncwb.types import FilePolicy

__all__ = ["Saving"]

_POLICIES = ("live", "now", "end")
_CLOUD = ("s3://", "gs://")
_WRITTEN_AT_END = frozenset({"config.yaml", "wandb-summary.json", "output.log"})
_AT_ONCE = 1000


class Saving:
    """`Run.save` of one run.

    Args:
        folder: The run's `files` folder.
        recorder: Takes the request for the upload.
        terminal: Shows what could not be done, each kind once.
        settings: Mode, and whether to make symbolic links.
    """

    def __init__(
        self, folder: Path, recorder: Recorder, terminal: Terminal, settings: Settings
    ) -> None:
        self._folder = str(folder)
        self._recorder = recorder
        self._terminal = terminal
        self._settings = settings
        self._said: frozenset[str] = frozenset()

    def prepare(
        self,
        pattern: str | bytes | os.PathLike[str],
        base_path: str | os.PathLike[str] | None,
        policy: FilePolicy,
        *,
        expand: bool,
    ) -> Selection | None:
        """Check the arguments; None: there is nothing to do.

        Raises:
            InvalidValueError: A bad pattern, base path or policy.
        """
        if policy not in _POLICIES:
            raise InvalidValueError(f"policy is one of {', '.join(_POLICIES)}, got {policy!r}")
        if isinstance(pattern, str) and pattern.startswith(_CLOUD):
            self._say("cloud", f"{pattern} is in a cloud storage and is not saved: copy it here")
            return None
        selection = select(pattern, base_path, expand=expand)
        return None if self._settings.mode == "disabled" else selection

    def save(self, selection: Selection, policy: FilePolicy) -> list[str]:
        """Link what is selected, record it, return where it lies. Blocks for files only."""
        copied: list[str] = []
        linked: list[str] = []
        found = False
        for path, name in selection.find():
            found = True
            if self._is_file(path, name):
                try:
                    is_link = self._bring(path, os.path.join(self._folder, name))
                except OSError as exc:
                    self._say("bring", f"{path} cannot be put into {self._folder}: {exc}")
                else:
                    (linked if is_link else copied).append(name)
        known = {*linked, *copied}
        for name in selection.find_in(self._folder):
            is_own = name in known or name in _WRITTEN_AT_END
            if not is_own and os.path.isfile(os.path.join(self._folder, name)):
                linked.append(name)
                found = True
        if not found and selection.is_a_path():
            self._say(
                "literal",
                f"no file matches {selection.relative!r}, but there is one of that very name: "
                "glob=False saves it",
            )
        self._record(linked, policy)
        if copied and policy == "live":
            self._say("copied", "links cannot be made: changes of copied live files are not seen")
        # A copy does not change any more.
        self._record(copied, "now" if policy == "live" else policy)
        return sorted(os.path.join(self._folder, *name.split("/")) for name in {*linked, *copied})

    def _record(self, names: list[str], policy: FilePolicy) -> None:
        for start in range(0, len(names), _AT_ONCE):
            self._recorder.files(names[start : start + _AT_ONCE], policy)

    def _is_file(self, path: str, name: str) -> bool:
        """Whether a match is something to upload; what the user may wonder about is said."""
        if name in _WRITTEN_AT_END:
            self._say(
                name,
                f"{name} is a file that the run writes itself: save yours from a folder, with "
                "base_path above it",
            )
            return False
        try:
            name.encode()
            found = os.stat(path)
        except UnicodeEncodeError:
            self._say("name", f"the name {name!r} is not Unicode, the file is not saved")
        except OSError as exc:
            self._say("missing", f"{path} is not saved: {exc.strerror}")
        else:
            if stat.S_ISREG(found.st_mode):
                return True
            if stat.S_ISDIR(found.st_mode):
                self._say("folder", f"{path} is a folder and is not saved: save '{name}/*'")
        return False

    def _bring(self, source: str, target: str) -> bool:
        """Put a file into the run's folder in one step; False: it is a copy there.

        Raises:
            OSError: The folder cannot be written, or the file not be read.
        """
        with suppress(OSError):
            if os.path.samefile(source, target):
                return True
        folder = os.path.dirname(target)
        os.makedirs(folder, exist_ok=True)
        draft = os.path.join(folder, f".asyncwb-{os.getpid()}-{threading.get_ident()}.part")
        try:
            is_link = self._link(source, draft)
            if not is_link:
                import shutil

                shutil.copy2(source, draft)
            os.replace(draft, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(draft)
            raise
        return is_link

    def _link(self, source: str, target: str) -> bool:
        if self._settings.symlink:
            with suppress(OSError):
                os.symlink(source, target)
                return True
        with suppress(OSError):
            os.link(source, target)
            return True
        return False

    def _say(self, kind: str, text: str) -> None:
        if kind not in self._said:
            self._said |= {kind}
            self._terminal.warning(text)
