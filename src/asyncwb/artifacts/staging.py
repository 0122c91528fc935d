"""Where copies of files wait for their upload: a folder per draft, made when it is needed."""

from __future__ import annotations

import itertools
import os
import shutil
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from asyncwb.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Staging"]


class Staging:
    """The staged files of one draft. Safe to use from several threads.

    Args:
        root: Says which folder holds the folders of all drafts; asked when the first is needed.
        name: Of this draft's folder; unique.
    """

    def __init__(self, root: Callable[[], Path], name: str) -> None:
        self._root = root
        self._name = name
        self._numbers = itertools.count()
        self._made = False

    @cached_property
    def folder(self) -> Path:
        """The draft's folder, which need not exist."""
        return self._root() / self._name

    def place(self, name: str = "") -> str:
        """A path that nobody uses yet, in a folder that exists.

        Args:
            name: File name for people; the path has a number of its own anyway.

        Raises:
            UsageError: The folder cannot be made.
        """
        if not self._made:
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise UsageError(
                    f"files of an artifact cannot be copied to {self.folder}: {exc}; set "
                    "WANDB_DATA_DIR to a folder that can be written, or add them with "
                    "policy='immutable'",
                    exc=exc,
                ) from exc
            self._made = True
        tail = os.path.basename(name)[-80:]
        number = next(self._numbers)
        return str(self.folder / (f"{number}-{tail}" if tail else str(number)))

    def holds(self, path: str) -> bool:
        """Whether a path is one of the draft's copies."""
        return Path(path).parent == self.folder

    def discard(self) -> None:
        """Remove the folder; what is gone already is fine. Blocks."""
        with suppress(OSError):
            shutil.rmtree(self.folder)
        self._made = False
