"""The bytes of one file of a media value, from whatever they are made of."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from asyncwb.errors import InvalidValueError, UnsupportedError
from asyncwb.media.raw import Raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from asyncwb.media.stored import Origin

__all__ = ["Content", "existing_file", "is_elsewhere"]

_PIECE = 1 << 20


class Content:
    """What becomes one file: bytes, a file that is there, or a function that encodes it.

    Nothing is encoded before somebody asks, and then in the thread that asks. Two threads that ask
    at once both encode: no lock is held meanwhile that a forked child could find taken.

    Args:
        source: Bytes, the path of a file, or a function that returns the bytes, or pieces of them.
        suffix: End of the file's name, with its dot.
        held: Bytes of memory that are held until the file is made.

    Attributes:
        suffix: End of the file's name, with its dot.
        name: Name of the file that the caller gave; None where there was none.
        held: Bytes of memory that are held until the file is made.
        origin: The entry of the version that the file was read from; None: it is new.
        uri: Where the file lies that an artifact refers to, in place of all that; None: here.
    """

    __slots__ = ("_source", "held", "name", "origin", "suffix", "uri")

    def __init__(
        self,
        source: bytes | Path | Callable[[], bytes | Iterator[bytes]],
        suffix: str,
        *,
        held: int = 0,
    ) -> None:
        self._source = source
        self.suffix = suffix
        self.held = held or (len(source) if isinstance(source, bytes) else 0)
        self.name = source.name if isinstance(source, Path) else None
        self.origin: Origin | None = None
        self.uri: str | None = None

    @classmethod
    def elsewhere(cls, uri: str) -> Content:
        """A file in a store or on the web: artifacts refer to it, and nothing reads it."""
        name = urlsplit(uri).path.rpartition("/")[2]
        made = cls(b"", f".{name.rpartition('.')[2]}")
        made.name, made.uri = name, uri
        return made

    @property
    def path(self) -> Path | None:
        """Where the bytes lie; None while they are in memory, or not made yet."""
        return self._source if isinstance(self._source, Path) else None

    @property
    def weight(self) -> int:
        """Bytes that `raw` would copy.

        Raises:
            OSError: The file cannot be read.
        """
        return self._source.stat().st_size if isinstance(self._source, Path) else self.held

    def raw(self) -> Raw | None:
        """What it is made of, where that is quickly said. Reads a file.

        Raises:
            OSError: The file cannot be read.
        """
        source = self._source
        if isinstance(source, Path):
            return Raw("file", {}, [source.read_bytes()])
        if isinstance(source, bytes):
            return Raw("file", {}, [source])
        found: Callable[[], Raw | None] | None = getattr(source, "raw", None)
        return None if found is None else found()

    def pieces(self, *, fast: bool = False) -> Iterator[bytes]:
        """The bytes in pieces, encoded meanwhile where they are not yet. May take long.

        Args:
            fast: Whether other bytes of the same meaning will do, where they are made sooner.

        Raises:
            OSError: The file cannot be read.
            UnsupportedError: It is elsewhere.
            Exception: Whatever the encoder raises.
        """
        if self.uri is not None:
            raise UnsupportedError(f"{self.uri} is not here: add its value to an artifact")
        source = self._source
        if isinstance(source, Path):
            with source.open("rb") as file:
                yield from iter(partial(file.read, _PIECE), b"")
            return
        if fast and not isinstance(source, bytes):
            source = getattr(source, "fast", source)
        found = source if isinstance(source, bytes) else source()
        if isinstance(found, bytes):
            yield found
        else:
            yield from found

    def moved(self, path: Path) -> None:
        """Take the bytes from a file from now on, and let go of what they were made of."""
        self._source, self.held = path, 0


def is_elsewhere(path: object) -> bool:
    """Whether a path is the address of a file in a store or on the web."""
    return isinstance(path, str) and path.startswith(("s3://", "gs://", "http://", "https://"))


def existing_file(path: str | Path, what: str) -> Path:
    """A path that is a readable file.

    Args:
        path: As the caller gave it.
        what: What it is to be, for the message: "an image".

    Raises:
        InvalidValueError: There is none.
    """
    found = Path(path).expanduser().absolute()
    if not found.is_file():
        why = "is a folder" if found.is_dir() else "does not exist"
        raise InvalidValueError(f"{what} from a file: {str(path)!r} {why}")
    return found
