"""Showing a run's page in a notebook. IPython is never imported where it is not running."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

__all__ = ["in_notebook", "in_vscode", "page_html", "show_html"]

_BUTTON = (
    "<button onclick=\"this.nextSibling.style.display='block';this.style.display='none';\">"
    "Show the run</button>"
)


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    # A terminal has a shell, too, but no kernel.
    return getattr(_shell(), "kernel", None) is not None


def in_vscode() -> bool:
    """Whether the notebook is one of VS Code, which shows no frames of other pages."""
    return in_notebook() and "__vsc_ipynb_file__" in _shell().user_ns


def page_html(url: str, *, height: int, hidden: bool) -> str:
    """A frame that shows the page of a run; `hidden`: once a button was pressed."""
    from html import escape  # its table of entities is large, and few runs are shown

    style = f"border:none;width:100%;height:{height}px;" + ("display:none;" if hidden else "")
    frame = f'<iframe src="{escape(url)}?jupyter=true" style="{style}"></iframe>'
    return _BUTTON + frame if hidden else frame


def show_html(text: str) -> None:
    """Put HTML below the cell that runs. In a notebook only."""
    ipython: Any = import_module("IPython.display")
    ipython.display(ipython.HTML(text))


def _shell() -> Any:
    ipython: Any = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()
