"""What torch calls. A copy of a hook does nothing: it belongs to a copy of the watched model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Hook"]


class Hook:
    """Passes every `frequency`-th call on.

    Watched models are copied (for averaged weights) and pickled; forward hooks go with them.

    Args:
        act: What to call; its result is dropped, since torch would take it for an output.
        frequency: 1: every call.
    """

    def __init__(self, act: Callable[..., object], frequency: int = 1) -> None:
        self._act = act
        self._frequency = self._left = frequency

    def __call__(self, *args: Any) -> None:
        """Count a call, and pass on the one that is due."""
        self._left -= 1
        if self._left <= 0:
            self._left = self._frequency
            self._act(*args)

    def __deepcopy__(self, memo: object) -> Hook:
        return Hook(_nothing)

    def __reduce__(self) -> tuple[type[Hook], tuple[Callable[..., object]]]:
        return Hook, (_nothing,)


def _nothing(*_: object) -> None:
    """What a copied hook does."""
