"""What names, types, aliases, tags, metadata and paths of artifacts may be."""

from __future__ import annotations

import math
import os
import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any, cast

from asyncwb import jsonx
from asyncwb.errors import Error, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "REGISTRY_PREFIX",
    "check_aliases",
    "check_metadata",
    "check_name",
    "check_path",
    "check_tags",
    "check_type",
    "native_path",
]

REGISTRY_PREFIX = "wandb-registry-"
"""Projects of this prefix are registries."""

_LONGEST_NAME = 128
_MOST_METADATA_KEYS = 100
_NAME = re.compile(r"[a-zA-Z0-9_\-.]+")
_TAG = re.compile(r"[-\w]+( +[-\w]+)*")
# Most paths: no empty part, none that begins with a dot, nothing that any system takes for more.
_PLAIN_PATH = re.compile(r"[^/\\:\0.][^/\\:\0]*(?:/[^/\\:\0.][^/\\:\0]*)*")
_RESERVED_TYPE = "wandb-"
# Which names of a type are the client's own.
_RESERVED_NAMES = {"job": "", "run_table": "run-", "code": "source-"}


def check_name(name: object) -> str:
    """Check the name of a collection.

    Raises:
        InvalidValueError: It is no text of letters, digits, `_`, `-` and `.`, or is too long.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidValueError(
            f"an artifact's name has letters, digits, '_', '-' and '.' only, got {name!r}"
        )
    if len(name) > _LONGEST_NAME:
        raise InvalidValueError(
            f"an artifact's name has at most {_LONGEST_NAME} characters, got {len(name)}"
        )
    return name


def check_type(kind: object, name: str, *, own: bool = False) -> str:
    """Check the type of a collection.

    Args:
        kind: The type.
        name: Name of the collection.
        own: Whether it is one that the client makes itself, such as tables of a run.

    Raises:
        InvalidValueError: It is no text, or reserved.
    """
    if not isinstance(kind, str) or not kind or "/" in kind or ":" in kind:
        raise InvalidValueError(f"an artifact's type is a text without '/' and ':', got {kind!r}")
    if len(kind) > _LONGEST_NAME:
        raise InvalidValueError(f"an artifact's type has at most {_LONGEST_NAME} characters")
    prefix = _RESERVED_NAMES.get(kind)
    taken = kind.startswith(_RESERVED_TYPE) or (prefix is not None and name.startswith(prefix))
    if taken and not own:
        raise InvalidValueError(
            f"the type {kind!r} with the name {name!r} is reserved; choose another type"
        )
    return kind


def check_aliases(aliases: Iterable[str] | str | None) -> list[str]:
    """Check aliases; one text is one alias, repeated ones count once.

    Raises:
        InvalidValueError: One is empty or has a `/` or `:`.
    """
    found = _texts("aliases", aliases)
    for alias in found:
        if not alias or "/" in alias or ":" in alias:
            raise InvalidValueError(f"an alias is a text without '/' and ':', got {alias!r}")
    return found


def check_tags(tags: Iterable[str] | str | None) -> list[str]:
    """Check tags; one text is one tag, repeated ones count once.

    Raises:
        InvalidValueError: One has other characters than letters, digits, `_`, `-` and spaces.
    """
    found = _texts("tags", tags)
    for tag in found:
        if not _TAG.fullmatch(tag):
            raise InvalidValueError(
                f"a tag has letters, digits, '_', '-' and single spaces inside, got {tag!r}"
            )
    return found


def check_metadata(metadata: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Check metadata and return it as plain JSON values, a copy.

    NaN becomes None, as servers store it.

    Raises:
        InvalidValueError: It is no mapping (or JSON text of one), holds an infinity or a value
            that JSON cannot hold, or has more than 100 keys.
    """
    if metadata is None or metadata == "":
        return {}
    try:
        text = metadata.encode() if isinstance(metadata, str) else jsonx.encode(dict(metadata))
        plain = _without_nan(jsonx.decode(text))
    except (Error, TypeError, ValueError) as exc:
        raise InvalidValueError(
            f"metadata is a mapping of JSON values, got {type(metadata).__name__}: {exc}", exc=exc
        ) from exc
    if not isinstance(plain, dict):
        raise InvalidValueError(f"metadata is a mapping, got {type(plain).__name__}")
    if len(cast("dict[str, Any]", plain)) > _MOST_METADATA_KEYS:
        raise InvalidValueError(f"metadata has at most {_MOST_METADATA_KEYS} keys")
    return cast("dict[str, Any]", plain)


def check_path(path: str | os.PathLike[str]) -> str:
    """Check the path of an entry and return it with `/`; names from a server as well.

    Raises:
        InvalidValueError: It is absolute, has a drive, a `..` or a NUL, or is empty.
    """
    # Not `os.fspath` of a Path alone: on Windows it has backslashes.
    text = path if isinstance(path, str) else PurePosixPath(path).as_posix()
    if _PLAIN_PATH.fullmatch(text):
        return text
    pure = PurePosixPath(text)
    windows = PureWindowsPath(text)
    if (
        not pure.parts
        or pure.is_absolute()
        or windows.drive
        or windows.root
        or ".." in windows.parts
        or "\0" in text
    ):
        raise InvalidValueError(
            f"a path in an artifact is relative, without '..' and drive letters, got {text!r}"
        )
    return pure.as_posix()


def native_path(root: str | os.PathLike[str], path: str) -> str:
    """Where the entry of a (checked) path lies below a folder.

    Raises:
        InvalidValueError: The path would leave the folder.
    """
    return os.path.join(root, *check_path(path).split("/"))


def _texts(what: str, values: Iterable[str] | str | None) -> list[str]:
    if values is None:
        return []
    found = [values] if isinstance(values, str) else list(values)
    for value in found:
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"{what} are texts, got {value!r}")
    return list(dict.fromkeys(found))


def _without_nan(value: object) -> object:
    if isinstance(value, float):
        if math.isinf(value):
            raise ValueError("infinities cannot be stored")
        return None if math.isnan(value) else value
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {key: _without_nan(item) for key, item in items}
    if isinstance(value, list):
        return [_without_nan(item) for item in cast("list[object]", value)]
    return value
