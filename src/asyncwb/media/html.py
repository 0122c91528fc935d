"""HTML documents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from asyncwb.errors import InvalidValueError
from asyncwb.media.base import Media
from asyncwb.media.content import Content, existing_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asyncwb.media.base import Place

__all__ = ["Html"]

# What the wandb package puts in: links open in a new tab, and its style sheet.
_HEAD = (
    '<base target="_blank"><link rel="stylesheet" type="text/css" '
    'href="https://app.wandb.ai/normalize.css" />'
)


class Html(Media):
    """An HTML document. It is read here.

    Args:
        data: The document as text, the path of a file that ends with `.html`, or an open file.
        inject: Whether a style sheet is put in, and links open in a new tab.
        data_is_not_path: Whether a text is the document even if there is a file of that name.

    Raises:
        InvalidValueError: No such file, one that is not UTF-8, or something else.
    """

    json_type = "html-file"
    folder = "html"

    def __init__(self, data: Any, inject: bool = True, data_is_not_path: bool = False) -> None:
        path = None if data_is_not_path else _html_file(data)
        if path is not None:
            self.html = _text(path.read_bytes())
        elif isinstance(data, str):
            self.html = data
        elif hasattr(data, "read"):
            if hasattr(data, "seek"):
                data.seek(0)
            self.html = _text(data.read())
        else:
            raise InvalidValueError(
                f"Html takes a text, a path or an open file, got {type(data).__name__}"
            )
        if inject:
            self.html = _injected(self.html)
        try:
            text = self.html.encode()
        except UnicodeEncodeError as exc:
            raise InvalidValueError("the HTML is no valid Unicode", exc=exc) from exc
        if path is not None and not inject:
            super().__init__(Content(path, path.suffix))
        else:
            super().__init__(Content(text, ".html"))

    @classmethod
    def list_to_json(cls, items: Sequence[Any], place: Place) -> dict[str, Any]:
        """Like `to_json`, for a list of documents."""
        documents = [one.to_json(place) for one in cast("Sequence[Html]", items)]
        return {"_type": "html", "count": len(documents), "html": documents}


def _html_file(data: object) -> Path | None:
    """The file that is meant; None where it is none."""
    if isinstance(data, Path):
        found = existing_file(data, "Html")
        if found.suffix != ".html":
            raise InvalidValueError(f"Html from a file: {str(data)!r} does not end with .html")
        return found
    # Only a short text can be a path, and asking for a long one is an error.
    if not isinstance(data, str) or not data.endswith(".html") or "\n" in data or "<" in data:
        return None
    try:
        return existing_file(data, "Html") if Path(data).is_file() else None
    except (OSError, ValueError):
        return None


def _text(data: object) -> str:
    if isinstance(data, str):
        return data
    try:
        return bytes(cast("bytes", data)).decode()
    except (UnicodeDecodeError, TypeError) as exc:
        raise InvalidValueError(f"an HTML file holds UTF-8 text: {exc}", exc=exc) from exc


def _injected(html: str) -> str:
    before, found, after = html.partition("<head>")
    if found:
        return f"{before}<head>{_HEAD}{after}".strip()
    before, found, after = html.partition("<html>")
    if found:
        return f"{before}<html><head>{_HEAD}</head>{after}".strip()
    return f"{_HEAD}{html}".strip()
