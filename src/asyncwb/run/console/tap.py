"""A tap on one stream: whatever is written to it is also shown to somebody else."""

from __future__ import annotations

from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Busy", "Tap"]

Busy: TypeAlias = "dict[int, tuple[Tap | None, str]]"
"""What each thread is writing right now, and through which tap."""


class Tap:
    """Stands in front of the `write` method of one stream object.

    The object stays the one that others know: what logging handlers hold is captured, too, and
    `sys.stdout` can be swapped and put back in any order.

    Args:
        stream: With a `write` method that can be replaced.
        take: Is shown the text after it was written; must not raise.
        busy: Shared by all taps: a text that passes a second one, because a stream writes to
            another stream, is not taken twice. A signal handler's own text is taken.
    """

    def __init__(self, stream: Any, take: Callable[[str], None], busy: Busy) -> None:
        self.stream = stream
        self.reached = False
        original = stream.write
        self._below = _own_write(stream)  # of somebody who came before us

        def write(text: str, /) -> Any:
            thread = get_ident()
            outer = busy.get(thread)
            if outer is not None and outer[0] is not self and outer[1] == text:
                self.reached = True
                return original(text)
            busy[thread] = (self, text)
            try:
                count = original(text)
                take(text)
            finally:
                if outer is None:
                    del busy[thread]
                else:
                    busy[thread] = outer
            return count

        self._write = write
        stream.write = write

    @property
    def on_top(self) -> bool:
        """Whether nobody came after us."""
        return _own_write(self.stream) is self._write

    def remove(self) -> bool:
        """Put the stream back; False: somebody came after us, whose way to the stream we are."""
        if not self.on_top:
            return False
        if self._below is None:
            del self.stream.write
        else:
            self.stream.write = self._below
        return True


def _own_write(stream: object) -> object | None:
    """The method that somebody put into this one object."""
    own: dict[str, object] = getattr(stream, "__dict__", {})
    return own.get("write")
