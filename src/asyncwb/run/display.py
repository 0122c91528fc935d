"""How a run shows itself: in a notebook, as a frame with its web page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.errors import InvalidValueError
from asyncwb.run.notebook import in_notebook, in_vscode, page_html, show_html

if TYPE_CHECKING:
    from collections.abc import Container

    from asyncwb.run.core import RunCore

__all__ = ["RunDisplay"]


class RunDisplay:
    """The run as HTML."""

    _core: RunCore

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show the page of the run below the cell of a notebook. Never waits.

        Args:
            height: Pixels.
            hidden: Show a button first, and the page when it is pressed.

        Returns:
            Whether it was shown: not in a plain interpreter, a terminal or VS Code, whose
            notebooks show no foreign pages, and not with the setting `silent`.

        Raises:
            InvalidValueError: The height is no positive integer.
        """
        text = self.to_html(height, hidden)
        if self._core.settings.silent or not in_notebook() or in_vscode():
            return False
        show_html(text)
        return True

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The page of the run as a frame. Never waits.

        A run that has no page, for it is offline or the server has not answered yet, is described
        in words; so is any run in VS Code.

        Args:
            height: Pixels.
            hidden: Show a button first, and the page when it is pressed.

        Raises:
            InvalidValueError: The height is no positive integer.
        """
        if isinstance(height, bool) or not isinstance(height, int) or height <= 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidValueError(f"height is in pixels, a positive integer, got {height!r}")
        url = self._core.url
        if url is None or in_vscode():
            from html import escape

            return escape(repr(self))
        return page_html(url, height=height, hidden=hidden)

    def _repr_html_(self) -> str:
        return self.to_html(hidden=True)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}
