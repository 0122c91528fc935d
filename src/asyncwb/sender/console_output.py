"""Where the console lines of one run go besides the file stream: in which form, and to files."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from asyncwb.console.sinks import console_sink
from asyncwb.sender.features import STRUCTURED_CONSOLE_LOGS, server_features
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.console.file import SavedLine
    from asyncwb.graphql import GraphQL
    from asyncwb.sender.fold import Fold
    from asyncwb.sender.uploads import Uploads
    from asyncwb.settings import Settings

__all__ = ["ConsoleOutput"]

log = logging.getLogger("asyncwb.sender")

_SAVE_LINES = 1000
_NONE: Mapping[int, str] = MappingProxyType({})


class ConsoleOutput:
    """Keeps the files, and learns how the server wants its lines.

    Args:
        fold: Has the lines.
        graphql: To the server.
        uploads: Takes the files.
        settings: Which files.
    """

    def __init__(self, fold: Fold, graphql: GraphQL, uploads: Uploads, settings: Settings) -> None:
        self._lines = fold.console
        self._graphql = graphql
        self._uploads = uploads
        self._sink = console_sink(uploads.folder, settings)
        self._asked = self._failed = False

    async def attend(self, position: int) -> None:
        """See to lines that came: how they are sent, and whether files are to be written.

        Before the first ones are sent, the server is asked for their form, which takes some
        seconds at most.

        Args:
            position: How far the journal was read.
        """
        if self._lines.dirty and not self._asked:
            self._asked = True
            features = await server_features(self._graphql)
            self._lines.structured = STRUCTURED_CONSOLE_LOGS in features
        now = datetime.now(UTC).replace(tzinfo=None)
        if self._sink.due(self._lines.oldest, now):
            await self._write(position, *self._lines.take_rest(), close=True)
        elif self._lines.settled >= _SAVE_LINES:
            await self._write(position, self._lines.take_settled(), _NONE, close=False)

    async def finish(self, position: int) -> None:
        """Write the rest."""
        await self._write(position, *self._lines.take_rest(), close=True)

    async def _write(
        self,
        position: int,
        lines: Sequence[SavedLine],
        changes: Mapping[int, str],
        *,
        close: bool,
    ) -> None:
        """The server has the lines themselves: a file that cannot be written costs a warning."""
        if self._failed:
            return
        try:
            names = await offload(self._sink.append, lines, changes) if lines or changes else []
            names += await offload(self._sink.close) if close else []
        except OSError as exc:
            self._failed = True
            log.warning("the console output cannot be written to a file: %s", exc)
        else:
            self._uploads.want(dict.fromkeys(names, "now"), position)
