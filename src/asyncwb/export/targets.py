"""Where an export goes: a folder, or a place in an object store."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from asyncwb.errors import CommError, InvalidValueError, UnsupportedError, UsageError
from asyncwb.export.hold import exclusive
from asyncwb.export.manifest import NAME

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["FolderTarget", "StoreTarget", "Target", "target_of"]

_STORES = ("s3://", "gs://", "az://")
_UNFINISHED = ".unfinished-"


class Target(Protocol):
    """Holds files under relative names with forward slashes. Its methods wait: call in a thread."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def scratch(self) -> Path:
        """A folder for files that are being written."""
        ...

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None: there is none."""
        ...

    def size(self, name: str) -> int | None:
        """A file's size; None: there is none."""
        ...

    def is_empty(self) -> bool:
        """Whether nothing is there."""
        ...

    def put(self, source: Path, name: str) -> None:
        """Move a finished file to its place: it appears complete or not at all."""
        ...

    def clear(self) -> None:
        """Remove what earlier exports left unfinished."""
        ...

    def close(self) -> None:
        """Remove what this export left unfinished."""
        ...


def target_of(to: str | os.PathLike[str]) -> Target:
    """The target of a path, or of an address `s3://bucket/prefix`.

    Raises:
        InvalidValueError: The address names no bucket.
        UnsupportedError: The package for object stores is not installed.
        UsageError: The folder cannot be made, or another export writes into it.
    """
    text = os.fspath(to)
    if text.startswith(_STORES):
        return StoreTarget(text)
    if "://" in text:
        raise InvalidValueError(f"to={text!r}: a folder, or one of {', '.join(_STORES)}...")
    return FolderTarget(Path(text))


class FolderTarget:
    """A folder; made when it is not there, and held: two exports at once would mix their files.

    Raises:
        UsageError: Another export writes into it, or it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.name = str(root)
        self.scratch = root / f"{_UNFINISHED}{os.getpid()}-{id(self):x}"
        with ExitStack() as held:
            with _explained(self.name):
                root.mkdir(parents=True, exist_ok=True)
                self._is_alone = held.enter_context(exclusive(root))
                self.scratch.mkdir()
                self._resolved = root.resolve()
            self._held = held.pop_all()

    def read(self, name: str) -> bytes | None:
        """A file's bytes."""
        with _explained(self.name), suppress(FileNotFoundError):
            return (self._root / name).read_bytes()
        return None

    def size(self, name: str) -> int | None:
        """A file's size."""
        with suppress(OSError):
            return (self._root / name).stat().st_size
        return None

    def is_empty(self) -> bool:
        """Whether nothing is there but what other exports left unfinished."""
        with _explained(self.name):
            return all(path.name.startswith(_UNFINISHED) for path in self._root.iterdir())

    def clear(self) -> None:
        """Remove what killed exports left; nothing where a living one cannot be told from them."""
        if not self._is_alone:
            return
        with _explained(self.name):
            for path in self._root.glob(f"{_UNFINISHED}*"):
                if path != self.scratch and path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)

    def put(self, source: Path, name: str) -> None:
        """Move a file to its place."""
        target = self._root / name
        with _explained(self.name):
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.parent.resolve().is_relative_to(self._resolved):
                raise UsageError(f"{target.parent} leads out of {self.name} through a link")
            source.replace(target)

    def close(self) -> None:
        """Remove what is unfinished, and let others have the folder."""
        with self._held:
            shutil.rmtree(self.scratch, ignore_errors=True)


class StoreTarget:
    """A place in an object store; credentials come from the environment."""

    def __init__(self, address: str) -> None:
        try:
            from obstore.store import from_url
        except ImportError as exc:
            raise UnsupportedError(
                f"{address}: object stores need obstore: pip install 'asyncwb[references]'", exc=exc
            ) from exc
        bucket = address.partition("://")[2].partition("/")[0]
        if not bucket:
            raise InvalidValueError(f"{address!r} names no bucket")
        options: dict[str, Any] = {"client_options": {"allow_http": True}}
        endpoint = os.environ.get("AWS_S3_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")
        if address.startswith("s3:"):
            region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
            options["region"] = region or "us-east-1"
            if endpoint:
                options["endpoint"] = endpoint
        self.name = address.rstrip("/")
        with _explained(self.name):
            self._store = from_url(self.name, **options)
        self._unfinished = TemporaryDirectory(prefix="asyncwb-export-")
        self.scratch = Path(self._unfinished.name)

    def read(self, name: str) -> bytes | None:
        """An object's bytes."""
        import obstore

        with _explained(self.name), suppress(FileNotFoundError):
            return bytes(obstore.get(self._store, name).bytes())
        return None

    def size(self, name: str) -> int | None:
        """An object's size."""
        import obstore

        with _explained(self.name), suppress(FileNotFoundError):
            return obstore.head(self._store, name)["size"]
        return None

    def is_empty(self) -> bool:
        """Whether no object is there."""
        import obstore

        with _explained(self.name):
            listed: Any = obstore.list(self._store, chunk_size=1)  # pyright: ignore[reportUnknownMemberType]
            return not any(listed)

    def put(self, source: Path, name: str) -> None:
        """Upload a file: an object appears with its last byte."""
        import obstore

        with _explained(self.name):
            obstore.put(self._store, name, source)
        source.unlink()

    def clear(self) -> None:
        """Nothing to do: no object appears before its last byte."""

    def close(self) -> None:
        """Remove what is unfinished."""
        self._unfinished.cleanup()


@contextmanager
def _explained(name: str) -> Generator[None]:
    """Turn the errors of file systems and stores into ours."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise UsageError(f"{name} cannot be used: {exc}", exc=exc) from exc
    except Exception as exc:
        if not type(exc).__module__.startswith("obstore"):
            raise
        raise CommError(f"{name} cannot be used: {str(exc)[:200]}", exc=exc) from exc


def check_ours(target: Target) -> bytes | None:
    """The manifest of an earlier call; None: the place is free.

    Raises:
        UsageError: Other files are there.
    """
    found = target.read(NAME)
    if found is None and not target.is_empty():
        raise UsageError(
            f"{target.name} holds files and no {NAME} of an export: choose an empty place, since "
            "nothing of yours is overwritten"
        )
    return found
