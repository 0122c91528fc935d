"""What git says about the repository of a program. Blocks; never raises."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from asyncwb.settings.remotes import public_remote

if TYPE_CHECKING:
    from typing import IO

__all__ = ["Repository", "find_repository", "save_patches"]

_SECONDS = 5.0
"""For one command; a repository on a dead network share must not hold up anything."""

# They would lead git to another repository than that of the folder.
_REDIRECTIONS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")


class Repository(NamedTuple):
    """A repository; "" is unknown.

    Attributes:
        root: Its top folder.
        remote_url: Address of the remote, without secrets.
        commit: The commit that is checked out.
    """

    root: str
    remote_url: str
    commit: str


def find_repository(folder: str, remote: str) -> Repository | None:
    """Find the repository that a folder lies in; None where there is none, or no git."""
    root = _ask(folder, "rev-parse", "--show-toplevel") if _may_be_in_one(folder) else ""
    if not root:
        return None
    return Repository(
        os.path.normpath(root),
        public_remote(_ask(root, "config", "--get", f"remote.{remote}.url")),
        _ask(root, "rev-parse", "--verify", "--quiet", "HEAD"),
    )


def save_patches(root: str, folder: Path) -> list[str]:
    """Write how the working tree differs from its commit, and from the upstream branch's.

    Args:
        root: Top folder of the repository.
        folder: Where the files are written.

    Returns:
        The names of the files: `diff.patch`, `diff_<commit of upstream>.patch`; none of an
        empty difference, or where such a file is there already.
    """
    names = [name for name in ("diff.patch",) if _diff(root, "HEAD", folder / name)]
    upstream = _ask(root, "rev-parse", "--verify", "--quiet", "@{upstream}")
    if upstream and _diff(root, upstream, folder / f"diff_{upstream}.patch"):
        names.append(f"diff_{upstream}.patch")
    return names


def _may_be_in_one(folder: str) -> bool:
    """Whether it is worth a process to ask; the top of each working tree has a `.git`."""
    try:
        place = Path(folder).resolve()
    except (OSError, RuntimeError):
        return False
    return any(os.path.lexists(above / ".git") for above in (place, *place.parents))


def _ask(folder: str, *arguments: str) -> str:
    output = _run(folder, *arguments)
    return "" if output is None else output.decode(errors="replace").strip()


def _diff(root: str, commit: str, path: Path) -> bool:
    """Whether there is a difference, now in the file `path`."""
    if os.path.lexists(path):
        return False
    with path.open("wb") as file:
        done = _run(
            root, "diff", "--no-color", "--no-ext-diff", "--submodule=diff", commit, output=file
        )
    if done is not None and path.stat().st_size:
        return True
    with contextlib.suppress(OSError):
        path.unlink()
    return False


def _run(folder: str, *arguments: str, output: IO[bytes] | None = None) -> bytes | None:
    """What a command of git prints, b"" when it goes to `output`; None when it failed."""
    import subprocess

    environ = {key: value for key, value in os.environ.items() if key not in _REDIRECTIONS}
    # A look must leave the index as it is, and wait for nobody.
    environ |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=folder or None,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if output is None else output,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError, RuntimeError):
        return None  # RuntimeError: the interpreter ends
    return (done.stdout or b"") if done.returncode == 0 else None
