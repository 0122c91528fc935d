"""The packages that are installed, as `requirements.txt` lists them."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = ["requirements"]

_NAME = re.compile(r"^Name:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_VERSION = re.compile(r"^Version:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)


def requirements() -> str:
    """List what is installed, one `name==version` a line, in the order of the search path."""
    lines = dict.fromkeys(filter(None, map(_line, distributions())))
    return "".join(f"{line}\n" for line in lines)


def _line(found: Distribution) -> str | None:
    # `Distribution.metadata` parses the whole text as an e-mail, which takes 20 times as long.
    try:
        text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    except (OSError, UnicodeDecodeError):
        return None
    name, version = _NAME.search(text), _VERSION.search(text)
    return f"{name[1]}=={version[1]}" if name and version else None
