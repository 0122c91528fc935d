"""Which files `Run.save` means, and under which names they go to the run."""

from __future__ import annotations

import glob
import os
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec

from asyncwb.errors import InvalidValueError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Selection", "select"]


class Selection(msgspec.Struct, frozen=True):
    """Files under a folder.

    Attributes:
        pattern: Absolute path or pattern, as `glob` takes it.
        relative: The same relative to the base, as written.
        depth: Number of leading parts of a path that do not belong to its name in the run.
        expand: Whether wildcards count.
    """

    pattern: str
    relative: str
    depth: int
    expand: bool

    def find(self) -> Iterator[tuple[str, str]]:
        """Absolute path and name in the run of what is there now, sorted. Reads folders."""
        if self.expand:
            found = sorted(glob.glob(self.pattern))
        else:
            found = [self.pattern] if os.path.lexists(self.pattern) else []
        for path in found:
            yield path, PurePath(*PurePath(path).parts[self.depth :]).as_posix()

    def find_in(self, folder: str) -> list[str]:
        """Names of what is in the run's own folder already and matches."""
        if self.expand:
            found = sorted(glob.glob(self.relative, root_dir=folder))
        else:
            there = os.path.lexists(os.path.join(folder, self.relative))
            found = [self.relative] if there else []
        return [PurePath(name).as_posix() for name in found]

    def is_a_path(self) -> bool:
        """Whether the pattern, taken literally, is a path that exists."""
        return self.expand and os.path.lexists(self.pattern)


def select(
    pattern: str | bytes | os.PathLike[str],
    base_path: str | os.PathLike[str] | None,
    *,
    expand: bool,
) -> Selection:
    """Check the arguments of `save`. Reads nothing.

    Names in the run are relative to `base_path`. Without one they are relative to the working
    directory; for an absolute pattern one folder above the files is kept.

    Raises:
        InvalidValueError: Not a path; the same as the base path, or not below it; or a pattern
            whose first part below it is `*`.
        UsageError: The working directory is gone.
    """
    text = _text(pattern, "glob_str")
    full = _absolute(text)
    if base_path is not None:
        base = _absolute(_text(base_path, "base_path"))
    elif os.path.isabs(text):
        base = os.path.dirname(os.path.dirname(full))
    else:
        base = _absolute("")
    try:
        relative = PurePath(full).relative_to(base)
    except ValueError as exc:
        raise InvalidValueError(
            f"save() takes files below the base path: {full!r} does not lie in {base!r}; give a "
            "base_path above it",
            exc=exc,
        ) from exc
    if not relative.parts:
        raise InvalidValueError(
            f"save() takes files, and {base!r} is the folder that their names are relative to; "
            "name files in it"
        )
    if expand and relative.parts[0] == "*":
        raise InvalidValueError(
            f"the pattern {text!r} takes everything in {base!r}; name a folder or an ending, such "
            "as 'folder/*' or '*.txt'"
        )
    # The working directory is no part of what the user wrote: brackets in it are no wildcards.
    searched = full
    if expand and not os.path.isabs(text):
        searched = os.path.normpath(os.path.join(glob.escape(_absolute("")), text))
    return Selection(searched, str(relative), len(PurePath(base).parts), expand)


def _absolute(text: str) -> str:
    try:
        return os.path.abspath(text)
    except OSError as exc:
        raise UsageError(f"the working directory is gone: {exc.strerror}", exc=exc) from exc


def _text(value: object, name: str) -> str:
    if not isinstance(value, str | bytes | os.PathLike):
        raise InvalidValueError(f"{name} is a path, got {type(value).__name__}")
    text = os.fsdecode(value)  # pyright: ignore[reportUnknownArgumentType]
    if "\0" in text:
        raise InvalidValueError(f"{name} contains a null character")
    return text
