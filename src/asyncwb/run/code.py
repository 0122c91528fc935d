"""Source code as an artifact."""

from __future__ import annotations

import inspect
import os
from typing import TYPE_CHECKING

from asyncwb.artifacts.artifact import Artifact
from asyncwb.portal import PORTAL
from asyncwb.run.artifact_log import safe_name
from asyncwb.run.environment.program import relative_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.run.environment import Program

__all__ = ["code_artifact", "code_name"]

_OWN_FOLDERS = ("wandb", ".wandb")


def code_name(project: str, program: Program) -> str:
    """The name of the code of a program."""
    path = relative_to(program.folder, program.file) or os.path.basename(program.name) or "None"
    return safe_name(f"source-{project}-{path}")


async def code_artifact(
    name: str,
    root: str | os.PathLike[str] | None,
    include: Callable[..., bool] | None,
    exclude: Callable[..., bool] | None,
) -> Artifact | None:
    """A draft of the code below a folder; None where there is none.

    Raises:
        InvalidValueError: A name that cannot be, or a file that cannot be read.
    """
    artifact = Artifact._of_own_type(name, "code")  # pyright: ignore[reportPrivateUsage]
    if root is None:
        return None
    files = await PORTAL.in_thread(_files, root, include or _is_code, exclude or _is_own)
    for path, name_there in files:
        await artifact.add_file(path, name_there)
    return artifact if files else None


def _files(
    root: str | os.PathLike[str], include: Callable[..., bool], exclude: Callable[..., bool]
) -> list[tuple[str, str]]:
    """Paths of the files, and their names in the artifact."""
    top = os.path.abspath(root)
    wanted, unwanted = _with_root(include, top), _with_root(exclude, top)
    found = [
        os.path.join(folder, file) for folder, _, files in os.walk(top) for file in sorted(files)
    ]
    return [
        (path, os.path.relpath(path, top).replace(os.sep, "/"))
        for path in found
        if wanted(path) and not unwanted(path)
    ]


def _with_root(choose: Callable[..., bool], top: str) -> Callable[[str], bool]:
    """One that takes a path alone, as older ones do, or the root as well."""
    if len(inspect.signature(choose).parameters) == 2:
        return lambda path: choose(path, top)
    return choose


def _is_code(path: str) -> bool:
    file = os.path.basename(path)
    return file.endswith(".py") or file.startswith("Dockerfile") or file == "requirements.txt"


def _is_own(path: str, root: str) -> bool:
    return os.path.relpath(path, root).split(os.sep, 1)[0] in _OWN_FOLDERS
