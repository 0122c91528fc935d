"""A dict that tells its owner before and after it changes, at any depth.

Config and summary hand these out for nested values, so that `summary["a"]["b"] = 1` is recorded
instead of being lost. They are dicts: `json.dumps` and `**` work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Owner", "TrackedDict", "tracked", "untracked"]

_MISSING = object()


class Owner(Protocol):
    """Who is told."""

    def _before_change(self) -> None:
        """Called before a nested change; raises to refuse it."""

    def _convert(self, key: object, value: object) -> Any:
        """Return what a key stores for `value`; raises for what cannot be stored."""

    def _after_change(self, key: str) -> None:
        """Called when something under the top-level `key` has changed."""


class TrackedDict(dict[str, Any]):
    """A nested value of a config or summary; changes write through.

    Args:
        values: Plain values, already converted.
        owner: Who is told.
        top_key: The top-level key under which this dict lives.
    """

    __slots__ = ("_owner", "_top_key")

    def __init__(self, values: Mapping[str, Any], owner: Owner, top_key: str) -> None:
        super().__init__({key: tracked(item, owner, top_key) for key, item in values.items()})
        self._owner = owner
        self._top_key = top_key

    def __setitem__(self, key: str, value: Any) -> None:
        self._owner._before_change()  # pyright: ignore[reportPrivateUsage] # one pair of modules
        plain = self._owner._convert(key, value)  # pyright: ignore[reportPrivateUsage]
        super().__setitem__(key, tracked(plain, self._owner, self._top_key))
        self._owner._after_change(self._top_key)  # pyright: ignore[reportPrivateUsage]

    def __delitem__(self, key: str) -> None:
        self._owner._before_change()  # pyright: ignore[reportPrivateUsage]
        super().__delitem__(key)
        self._owner._after_change(self._top_key)  # pyright: ignore[reportPrivateUsage]

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several keys."""
        for key, value in dict[str, Any](*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> TrackedDict:  # type: ignore[override,misc]  # as dict's own
        self.update(other)
        return self

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, after setting it to `default` where it is absent."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """Remove `key` and return its value."""
        if key not in self and default is not _MISSING:
            return default
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the newest pair and return it."""
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove everything."""
        for key in list(self):
            del self[key]

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (untracked(self),)

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return cast("dict[str, Any]", untracked(self))


def tracked(value: Any, owner: Owner, top_key: str) -> Any:
    """Wrap the dicts inside plain values."""
    if isinstance(value, dict):
        return TrackedDict(cast("dict[str, Any]", value), owner, top_key)
    return value


def untracked(value: Any) -> Any:
    """Copy, with plain dicts."""
    if isinstance(value, dict):
        return {key: untracked(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [untracked(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value
