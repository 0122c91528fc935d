"""Web pages of objects, as frames of a notebook."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from html import escape
from importlib import import_module
from typing import Any

from asyncwb.errors import InvalidValueError

__all__ = ["Page", "frame"]


class Page(ABC):
    """What has a web page and can show it in a notebook."""

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The web page as an HTML frame. Never waits.

        Args:
            height: Pixels.
            hidden: Show a button first, and the page when it is pressed.

        Raises:
            InvalidValueError: The height is no positive integer.
        """
        return frame(self._page_url(), type(self).__name__.lower(), height, hidden=hidden)

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the web page below the cell of a notebook. Never waits.

        Args:
            height: Pixels.
            hidden: Show a button first, and the page when it is pressed.

        Returns:
            Whether it was shown: only in a notebook.

        Raises:
            InvalidValueError: The height is no positive integer.
        """
        text = self.to_html(height, hidden)
        shell: Any = sys.modules.get("IPython")
        running = None if shell is None else shell.get_ipython()
        if getattr(running, "kernel", None) is None:
            return False
        ipython: Any = import_module("IPython.display")
        ipython.display(ipython.HTML(text))
        return True

    def _repr_html_(self) -> str:
        return self.to_html()

    @abstractmethod
    def _page_url(self) -> str | None:
        """Address of the page; None: there is none."""


def frame(url: str | None, kind: str, height: object, *, hidden: bool) -> str:
    """HTML that shows a page.

    Raises:
        InvalidValueError: The height is no positive integer.
    """
    if isinstance(height, bool) or not isinstance(height, int) or height <= 0:
        raise InvalidValueError(f"height is in pixels, a positive integer, got {height!r}")
    if url is None:
        return f"<div>This {kind} has no page.</div>"
    style = f"border:none;width:100%;height:{height}px;" + ("display:none;" if hidden else "")
    shown = f'<iframe src="{escape(url)}?jupyter=true" style="{style}"></iframe>'
    if not hidden:
        return shown
    press = "this.nextSibling.style.display='block';this.style.display='none';"
    return f'<button onclick="{press}">Show the {kind}</button>{shown}'
