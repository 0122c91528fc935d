"""One value of a row on its way: claimed by one thread, encoded, and then done."""

from __future__ import annotations

from itertools import count
from threading import Event, get_ident
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from asyncwb.errors import InvalidValueError
from asyncwb.media.files import in_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from asyncwb.media.base import Media, Place
    from asyncwb.media.content import Content
    from asyncwb.media.files import MediaFiles
    from asyncwb.media.stored import Origin

__all__ = ["MediaJob", "Publish"]

# An open file counts as much: it holds no memory, but there can be only so many.
_COST_OF_A_FILE = 1 << 20


class Publish(Protocol):
    """What puts tables into artifacts."""

    def __call__(self, value: Media, place: Place, key: str, step: int | str) -> dict[str, Any]:
        """Log a table, and return its JSON in a row."""
        ...


class MediaJob:
    """Encodes one value, which may hold several media, and says what the row is to have for it.

    It is a `Place`: the files that media values put here go into the run.

    Args:
        describe: Makes the JSON of the value, with this as the place of its files.
        media: What is in it.
        key: Key of the value, a safe start of a file's name.
        label: The key as it was given, for class labels and messages.
        step: What stands behind the key in names of files.
        files: Where they go.
        publish: Puts a table into an artifact.
        over: Called when all is done, in the thread that did it.
        fast: Whether files may be other ones than those of the `wandb` package.

    Attributes:
        cost: Bytes that are held until it is done.
        in_order: Whether it has to be done after those of its kind that came before.
        label_key: The key as it was given.
        name: What the names of its files begin with.
        done: Whether `value` is there; for good.
        value: What the row is to have; None where that failed.
        error: Why it failed.
        over: Set after `done`, when whoever waited for it has been told; and where it is dropped.
    """

    __slots__ = (
        "__weakref__", "_claims", "_describe", "_files", "_is_quick", "_opened", "_publish",
        "_step", "_tell", "_thread", "cost", "done", "error", "fast", "in_order", "label_key",
        "name", "over", "value",
    )  # fmt: skip

    def __init__(
        self,
        describe: Callable[[Place], Any],
        media: Sequence[Media],
        *,
        key: str,
        label: str,
        step: int | str,
        files: MediaFiles,
        publish: Publish,
        over: Callable[[MediaJob], None],
        fast: bool,
    ) -> None:
        self._describe: Callable[[Place], Any] | None = describe
        self._is_quick = all(one.quick for one in media)
        self.name = f"{key}_{step}"
        self.label_key = label
        self._step = step
        self._files = files
        self._publish = publish
        self._tell = over
        self.fast = fast
        # `next` on it is atomic: whoever gets 0 does the work.
        self._claims = count()
        self._thread = 0
        # Files of the caller are open from the call on, so that he may delete them.
        self._opened: dict[Path, BinaryIO] = {}
        self.cost = sum(one.held for one in media)
        self.in_order = any(one.in_order for one in media)
        self.done = False
        self.value: Any = None
        self.error: Exception | None = None
        self.over = Event()
        try:
            for one in media:
                for content in one.contents():
                    self._open(content)
                one.expect(self)
        except (InvalidValueError, OSError):
            self.drop()
            raise

    def run(self) -> None:
        """Encode, unless somebody else does or has. Raises nothing."""
        if next(self._claims):
            return
        self._thread = get_ident()
        describe, self._describe = self._describe, None
        try:
            if describe is not None:
                self.value = describe(self)
        except Exception as error:  # noqa: BLE001  a library's encoder; the row goes without
            self.error = error
        self._close()
        self.done = True
        try:
            self._tell(self)
        finally:
            self.over.set()

    def sketch(self, place: Place) -> Any:
        """Its JSON with a place that encodes nothing; None where that takes more, or came too late.

        Raises:
            Error: Whatever the place raises.
            OSError: A file cannot be read.
        """
        describe = self._describe
        return describe(place) if self._is_quick and describe is not None else None

    def drop(self) -> None:
        """Do not encode it; what somebody does already is not stopped."""
        if not next(self._claims):
            self._describe = None
            self._close()
            self.over.set()

    def wait(self, timeout: float | None) -> bool:
        """Wait until it is over. False after `timeout` seconds, or where this thread does it."""
        if self._thread == get_ident() and not self.over.is_set():
            return False  # a signal handler inside of it
        return self.over.wait(timeout)

    # -- the place of its files -------------------------------------------------------------

    def add(self, content: Content, folder: str) -> dict[str, Any]:
        """Write a file of the value into the run; see `Place`."""
        source = content.path
        opened = None if source is None else self._opened.pop(source, None)
        try:
            pieces = content.pieces(fast=self.fast) if opened is None else in_pieces(opened)
            facts = self._files.keep(pieces, kind=folder, name=self.name, suffix=content.suffix)
        finally:
            if opened is not None:
                opened.close()
        content.moved(self._files.locate(facts["path"]))
        return facts

    def came_from(self, origin: Origin) -> dict[str, Any]:
        """The address of the entry; see `Place`."""
        return {"artifact_path": origin.ref_url()}

    def publish(self, value: Media) -> dict[str, Any]:
        """Put a table of the value into an artifact; see `Place`."""
        return self._publish(value, self, self.label_key, self._step)

    def label(self, kind: str, name: str, labels: Mapping[Any, str]) -> None:
        """Put class labels of the value into the run's config; see `Place`."""
        # The misspelling is the protocol's.
        self._files.label(kind, f"{self.label_key}_wandb_delimeter_{name}", labels)

    def _open(self, content: Content) -> None:
        if content.uri is not None:
            raise InvalidValueError(
                f"{self.label_key!r}: {content.uri} is not here; a run takes in files, an artifact "
                "references"
            )
        path = content.path
        if path is not None and path not in self._opened:
            self._opened[path] = path.open("rb")
            self.cost += _COST_OF_A_FILE

    def _close(self) -> None:
        opened, self._opened = self._opened, {}
        for file in opened.values():
            file.close()
