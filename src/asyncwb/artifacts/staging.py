"""Where copies of files wait for their upload: a folder per draft, made when it is needed."""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import suppress
from pathlib import Path

from asyncwb.errors import UsageError

__all__ = ["Staging"]


class Staging:
    """The staged files of one draft. Safe to use from several threads.

    Args:
        root: Folder that holds the folders of all drafts.
        name: Of this draft's folder; unique.
    """

    def __init__(self, root: Path, name: str) -> None:
        self._folder = root / name
        self._numbers = itertools.count()
        self._made = False

    @property
    def folder(self) -> Path:
        """The draft's folder, which need not exist."""
        return self._folder

    def place(self, name: str = "") -> str:
        """A path that nobody uses yet, in a folder that exists.

        Args:
            name: File name for people; the path has a number of its own anyway.

        Raises:
            UsageError: The folder cannot be made.
        """
        if not self._made:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise UsageError(
                    f"files of an artifact cannot be copied to {self._folder}: {exc}; set "
                    "WANDB_DATA_DIR to a folder that can be written, or add them with "
                    "policy='immutable'",
                    exc=exc,
                ) from exc
            self._made = True
        tail = os.path.basename(name)[-80:]
        number = next(self._numbers)
        return str(self._folder / (f"{number}-{tail}" if tail else str(number)))

    def holds(self, path: str) -> bool:
        """Whether a path is one of the draft's copies."""
        return Path(path).parent == self._folder

    def discard(self) -> None:
        """Remove the folder; what is gone already is fine. Blocks."""
        with suppress(OSError):
            shutil.rmtree(self._folder)
        self._made = False
