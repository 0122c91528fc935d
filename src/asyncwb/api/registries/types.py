"""The list of the types of artifacts that a registry takes: they are only ever added."""

from __future__ import annotations

from collections.abc import Iterable, MutableSequence
from typing import Any, overload

from typing_extensions import override

from asyncwb.errors import InvalidValueError

__all__ = ["AddOnlyArtifactTypesList", "check_types"]

_LONGEST = 128


def check_types(types: Iterable[str] | str | None) -> list[str]:
    """Check names of types; one text is one type, repeated ones count once.

    Raises:
        InvalidValueError: One is empty, too long, or has a `/` or `:`.
    """
    found = [types] if isinstance(types, str) else list(types or ())
    for kind in found:
        if not isinstance(kind, str) or not kind or "/" in kind or ":" in kind:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"an artifact type is a text without '/' and ':', got {kind!r}")
        if len(kind) > _LONGEST:
            raise InvalidValueError(f"an artifact type has at most {_LONGEST} characters")
    return list(dict.fromkeys(found))


class AddOnlyArtifactTypesList(MutableSequence[str]):
    """Types that are saved, which stay, and new ones, which can be taken away until they are.

    A list of texts in which each is there once: what is there already is not added again.

    Args:
        saved: Types that the server has.
    """

    def __init__(self, saved: Iterable[str] = ()) -> None:
        self._saved = tuple(dict.fromkeys(saved))
        self._draft: list[str] = []

    def __repr__(self) -> str:
        return f"AddOnlyArtifactTypesList(saved={list(self._saved)!r}, draft={self._draft!r})"

    @property
    def draft(self) -> tuple[str, ...]:
        """The new types: what `Registry.save` sends."""
        return tuple(self._draft)

    @override
    def __len__(self) -> int:
        return len(self._saved) + len(self._draft)

    @override
    def __contains__(self, value: object) -> bool:
        return value in self._saved or value in self._draft

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | tuple | AddOnlyArtifactTypesList):
            return NotImplemented
        return list(self) == list(other)  # pyright: ignore[reportUnknownArgumentType]

    __hash__ = None  # type: ignore[assignment]

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    @override
    def __getitem__(self, index: int | slice) -> str | list[str]:
        return [*self._saved, *self._draft][index]

    @override
    def __setitem__(self, index: Any, value: Any) -> None:
        place = self._place(index, "replace")
        (kind,) = check_types([value])
        if kind not in self:
            self._draft[place] = kind

    @override
    def __delitem__(self, index: int | slice) -> None:
        del self._draft[self._place(index, "remove")]

    @override
    def insert(self, index: int, value: str) -> None:
        """Put a new type among the new ones.

        Raises:
            InvalidValueError: The name is no type's, or the place is among the saved types.
        """
        (kind,) = check_types([value])
        if kind in self:
            return
        position = min(index if index >= 0 else max(len(self) + index, 0), len(self))
        if position < len(self._saved):
            raise InvalidValueError(f"the first {len(self._saved)} types are saved and stay there")
        self._draft.insert(position - len(self._saved), kind)

    @override
    def append(self, value: str) -> None:
        """Add a new type.

        Raises:
            InvalidValueError: The name is no type's.
        """
        self.insert(len(self), value)

    @override
    def remove(self, value: str) -> None:
        """Take a new type away.

        Raises:
            InvalidValueError: The type is saved, or is not there.
        """
        if value in self._saved:
            raise InvalidValueError(
                f"the artifact type {value!r} is saved in the registry and cannot be removed"
            )
        if value not in self._draft:
            raise InvalidValueError(f"the artifact type {value!r} is not in the list")
        self._draft.remove(value)

    def _place(self, index: int | slice, what: str) -> int:
        """Where an index is among the new types."""
        if isinstance(index, slice):
            raise InvalidValueError(f"{what} types of a registry one by one, not by a slice")
        position = range(len(self))[index]
        if position < len(self._saved):
            raise InvalidValueError(
                f"the artifact type {self._saved[position]!r} is saved in the registry; it cannot "
                "be replaced or removed"
            )
        return position - len(self._saved)
