"""What every media type has in common: files for a place, and JSON that says what they are."""

from __future__ import annotations

from importlib import import_module
from json import dumps
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from asyncwb.errors import InvalidValueError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import ModuleType

    from asyncwb.media.content import Content
    from asyncwb.media.stored import ObjectPlace, Origin
    from asyncwb.media.tables.tablelog import Coming

__all__ = ["Media", "Place", "checked_caption", "library"]


class Place(Protocol):
    """Where the files of media values go: a run, an artifact."""

    def add(self, content: Content, folder: str) -> dict[str, Any]:
        """Take in a file. Blocks for the encoder and the disk.

        Args:
            content: The bytes.
            folder: Folder below `media`, with forward slashes.

        Returns:
            What the JSON of the value says about the file: `path`, `sha256`, `size`.
        """
        ...

    def came_from(self, origin: Origin) -> dict[str, Any]:
        """What the JSON of a value says of the version that it was read from."""
        ...

    def publish(self, value: Media) -> dict[str, Any]:
        """Put a table into an artifact of its own. Blocks for the disk.

        Returns:
            Its JSON.
        """
        ...

    def label(self, kind: str, name: str, labels: Mapping[Any, str]) -> None:
        """Take in the class labels of boxes or of a mask.

        Args:
            kind: What they are of, as the protocol has it: "mask/class_labels".
            name: Name of the boxes or of the mask.
            labels: Class ids to names.
        """
        ...


class Media:
    """A value that people look at: an image, a sound, a histogram.

    Making one copies what the caller may still change and checks it; encoding is left to whoever
    calls `to_json`. A media value does not change afterwards and may be used by several threads,
    and logged as often as one likes.

    Attributes:
        json_type: What `_type` says in its JSON.
        folder: Folder of its files, below `media`.
        batch_limit: How many of them one list in a row may hold; None: any number.
        in_order: Whether what is logged later must be written later.
        quick: Whether `to_json` takes no time but that of its files.
        origin: The entry of the version that it was read from; None: it is new.
    """

    json_type: ClassVar[str] = ""
    folder: ClassVar[str] = ""
    batch_limit: ClassVar[int | None] = None
    in_order: ClassVar[bool] = False
    quick: ClassVar[bool] = True
    origin: Origin | None = None

    def __init__(self, content: Content | None, caption: str | None = None) -> None:
        self._content = content
        self._caption = checked_caption(caption)

    @property
    def caption(self) -> str | None:
        """Text shown with it."""
        return self._caption

    def contents(self) -> Sequence[Content]:
        """Its files, those of masks and the like included."""
        return () if self._content is None else (self._content,)

    @property
    def held(self) -> int:
        """Bytes of memory that are held until it is encoded."""
        return sum(content.held for content in self.contents())

    def at_once(self) -> dict[str, Any] | None:
        """Its JSON, where that takes neither a file nor an encoder."""
        return None

    def to_json(self, place: Place) -> dict[str, Any]:
        """Put its files into a place and describe it. Blocks for the encoder and the disk.

        Raises:
            OSError: A file cannot be read or written.
            Exception: Whatever an encoder raises.
        """
        found: dict[str, Any] = {"_type": self.json_type}
        if self._caption is not None:
            found["caption"] = self._caption
        if self.origin is not None:
            found.update(place.came_from(self.origin))
        if self._content is not None:
            found.update(place.add(self._content, self.folder))
        return found

    @classmethod
    def list_to_json(cls, items: Sequence[Any], place: Place) -> dict[str, Any] | None:
        """Like `to_json`, for a list of values of this type; None where such lists have no type.

        Args:
            items: At least one value of this class.
            place: Where their files go.
        """
        del items, place
        return None

    @classmethod
    def check_list(cls, items: Sequence[Any]) -> None:
        """Warn of what is unusual about a list of values of this type that is logged."""
        del items

    def as_logged(self) -> Media:
        """What is logged of it now: itself, or a copy where it may change.

        Raises:
            InvalidValueError: It cannot be written.
        """
        return self

    def expect(self, work: Coming) -> None:
        """Be told of what is about to write it into a run."""

    def stored_elsewhere(self) -> Origin | None:
        """The same value as a file that a run has logged; None: there is none. May block for it."""
        return None

    def stored_json(self, place: ObjectPlace) -> dict[str, Any]:
        """Its JSON in an artifact; its files go there too. Blocks like `to_json`."""
        return self.to_json(place)

    def stored_pieces(self, place: ObjectPlace) -> Iterator[bytes]:
        """The file that it is as an object of an artifact, piece by piece."""
        # As the wandb package writes it, byte by byte: so the digests are the same.
        yield dumps(self.stored_json(place), sort_keys=True).encode()

    def to_data_array(self) -> Any:
        """What it holds as an array of numbers, for a column of a table.

        Raises:
            UnsupportedError: It holds none.
        """
        raise UnsupportedError(f"{type(self).__name__} cannot become an array of numbers")

    def __repr__(self) -> str:
        caption = "" if self._caption is None else f" {self._caption!r}"
        return f"<asyncwb.{type(self).__name__}{caption}>"


def checked_caption(caption: object) -> str | None:
    """A caption, as text.

    Raises:
        InvalidValueError: It is no text.
    """
    if caption is None or isinstance(caption, str):
        return caption
    raise InvalidValueError(f"a caption is a text, got {type(caption).__name__}: {caption!r}")


def library(module: str, package: str, what: str, *, extra: str | None = "media") -> Any:
    """Import a library that a type needs.

    Args:
        module: The module.
        package: The package that brings it.
        what: What needs it, for the message: "Audio of an array".
        extra: The extra of asyncwb that installs it; None: the package is installed by itself.

    Raises:
        UnsupportedError: It is not installed.
    """
    try:
        found: ModuleType = import_module(module)
    except ImportError as exc:
        install = f"asyncwb[{extra}]" if extra else package
        raise UnsupportedError(
            f"{what} needs the package {package}: pip install '{install}'", exc=exc
        ) from exc
    return found
