"""Files on their way to their place in a download folder. Everything here blocks."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from asyncwb.errors import InvalidValueError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["draft_of", "is_draft", "make_folder", "remove", "unwritable"]

_PREFIX = ".asyncwb-"
_SUFFIXES = (".part", ".ranges")


def make_folder(root: Path, target: Path) -> None:
    """Make the folder of a file.

    Raises:
        InvalidValueError: It leads out of the root through a link.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.resolve().is_relative_to(root.resolve()):
        raise InvalidValueError(f"{target.parent} leads out of {root} through a link")


def draft_of(target: Path) -> Path:
    """A name beside the target for the file that is not complete yet."""
    return target.with_name(f"{_PREFIX}{os.getpid()}-{time.monotonic_ns():x}{_SUFFIXES[0]}")


def is_draft(path: Path) -> bool:
    """Whether a file is one that is not complete yet, or belongs to one."""
    return path.name.startswith(_PREFIX) and path.suffix in _SUFFIXES


def remove(draft: Path) -> None:
    """Remove a file; what is gone already is fine."""
    with suppress(OSError):
        draft.unlink()


def unwritable(target: Path, exc: OSError) -> UsageError:
    """The error for a file that cannot be written."""
    return UsageError(f"{target} cannot be written: {exc}", exc=exc)
