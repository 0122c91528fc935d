"""Errors of task groups."""

from __future__ import annotations

__all__ = ["first_of"]


def first_of(error: BaseException) -> BaseException:
    """The first error of a group, or of a group in it; an error that is no group is itself."""
    inner: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return first_of(inner[0]) if inner else error
