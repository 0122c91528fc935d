"""Which program runs, and where its file lies."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["Program", "find_program", "in_notebook", "relative_to"]


class Program(NamedTuple):
    """The program that a run belongs to.

    Attributes:
        name: As it is shown: absolute path of a script, or `-m package.module`; "" without one.
        file: Absolute path of its source; None in an interactive session.
        args: Its arguments.
        folder: The working directory; "" when it is gone.
    """

    name: str
    file: str | None
    args: list[str]
    folder: str


def find_program(settings: Settings) -> Program:
    """Look at `__main__`; cheap, and never raises."""
    folder = _working_directory()
    notebook = in_notebook()
    name = settings.program or (settings.notebook_name if notebook else None) or ""
    source: str | None = name
    if not name and not notebook:
        name, source = _main()
    path = os.path.normpath(os.path.join(folder, source)) if source else ""
    file = path if os.path.isfile(path) else None
    return Program(
        name if file is None or name != source else file,
        file,
        [] if notebook else sys.argv[1:],
        folder,
    )


def _main() -> tuple[str, str | None]:
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return f"-m {spec.name}", file
    return file or "", file


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and getattr(shell, "kernel", None) is not None


def relative_to(root: str, file: str | None) -> str:
    """The path of a file below a folder, with forward slashes; "" for one outside."""
    if not file or not root:
        return ""
    try:
        path = os.path.relpath(os.path.realpath(file), os.path.realpath(root))
    except ValueError:  # another drive
        return ""
    path = path.replace(os.sep, "/")
    return "" if path == ".." or path.startswith("../") else path
