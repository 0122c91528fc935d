"""Keys of many items at once, as numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MAX_KEY_BYTES", "KeyTable"]

MAX_KEY_BYTES = 120
_Known: TypeAlias = "tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.int64]]"
"""Hashes in order, keys as words, their numbers."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class KeyTable:
    """Numbers the keys that it sees; a number stays.

    Keys are looked up by a hash of their bytes, and compared byte by byte.
    """

    def __init__(self) -> None:
        self.names: list[str | None] = []
        """By number; None: the key is no text."""
        self._numbers: dict[bytes, int] = {}
        self._known: dict[int, _Known] = {}

    def number(self, name: str) -> int:
        """The number of a key; -1: it has not been seen."""
        return self._numbers.get(name.encode(), -1)

    def find(
        self, data: bytearray, starts: NDArray[np.int64], sizes: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The number of each key.

        Args:
            data: The buffer, with a margin of `MAX_KEY_BYTES` in front of the first key.
            starts: Where keys begin.
            sizes: Bytes of each, from 1 to `MAX_KEY_BYTES`.
        """
        words = -(-int(sizes.max()) // 8)
        places = np.ndarray((len(data) - 8 * words + 1,), f"V{8 * words}", data, 0, (1,))
        # Each key as words that end with it; what is in front of it is blotted out.
        found = places[starts + sizes - 8 * words].view("<u8").reshape(-1, words)
        found &= _masks(words)[sizes]
        numbers = self._look_up(found, sizes)
        for place in np.flatnonzero(numbers < 0).tolist():
            start = int(starts[place])
            numbers[place] = self._learn(bytes(data[start : start + int(sizes[place])]))
        return numbers

    def _learn(self, key: bytes) -> int:
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.names)
            try:
                self.names.append(key.decode())
            except UnicodeDecodeError:
                self.names.append(None)
            self._known.clear()
        return number

    def _look_up(self, words: NDArray[np.uint64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of keys; -1 for those that are not known."""
        width = words.shape[1]
        known = self._known.get(width)
        if known is None:
            numbers = np.array(
                [n for key, n in self._numbers.items() if len(key) <= 8 * width], np.int64
            )
            expected, lengths = self._words(width, numbers)
            hashes = _hashes(expected, lengths)
            order = np.argsort(hashes)
            known = self._known[width] = hashes[order], expected[order], numbers[order]
        hashes, expected, numbers = known
        if not len(numbers):
            return np.full(len(words), -1, np.int64)
        at = np.searchsorted(hashes, _hashes(words, sizes))
        at[at == len(numbers)] = 0
        return np.where((expected[at] == words).all(axis=1), numbers[at], -1)

    def _words(
        self, width: int, numbers: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Some of the keys as words, and their lengths."""
        keys = list(self._numbers)
        wanted: list[int] = numbers.tolist()
        chosen = [keys[number] for number in wanted]
        text = b"".join(key.rjust(8 * width, b"\0") for key in chosen)
        words = np.frombuffer(text, "<u8").reshape(-1, width)
        return words, np.array([len(key) for key in chosen], np.int64)


def _hashes(words: NDArray[np.uint64], sizes: NDArray[np.int64]) -> NDArray[np.uint64]:
    result = sizes.astype(np.uint64)
    for column in words.T:
        result = (result ^ column) * _FACTOR
    return result


def _masks(words: int) -> NDArray[np.uint64]:
    """For each length of a key: which bytes of its words are of it."""
    size = 8 * words
    text = b"".join(bytes(size - n) + b"\xff" * n for n in range(size + 1))
    return np.frombuffer(text, "<u8").reshape(-1, words)
