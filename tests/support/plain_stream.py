"""The least that `print` needs."""

from __future__ import annotations

__all__ = ["Stream"]


class Stream:
    """Keeps what is written, and has nothing but `write`."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def write(self, text: str) -> int:
        self.parts.append(text)  # at once: signal handlers write, too
        return len(text)
