"""Server processes that share a database and a folder of blobs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from asyncwb.server.bootstrap import ensure_first_user
from asyncwb.server.process import ServerOptions, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Peer", "peers"]


class Peer:
    """One of the processes.

    Args:
        options: How it is started.
    """

    def __init__(self, options: ServerOptions) -> None:
        self.process = ServerProcess(options)
        self.url = self.process.url
        self.data_dir = options.data_dir
        self.api_key = ensure_first_user(options.data_dir).api_key


@contextmanager
def peers(folder: Path, database: str, count: int = 2) -> Iterator[list[Peer]]:
    """Start some, each with a data folder of its own, on one database."""
    with ExitStack() as stack:
        started: list[Peer] = []
        for number in range(count):
            options = ServerOptions(
                data_dir=folder / f"server{number}", database=database, blobs=str(folder / "blobs")
            )
            started.append(Peer(options))
            stack.callback(started[-1].process.stop)
        yield started
