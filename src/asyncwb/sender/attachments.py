"""What goes beside the rows of a run: alerts, files, and what it asks for about artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.sender.alerts import Alerts
from asyncwb.sender.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from anyio.abc import TaskGroup

    from asyncwb.errors import Error
    from asyncwb.graphql import GraphQL
    from asyncwb.sender.ack import Ack, AckKeeper
    from asyncwb.sender.artifact_queue import ArtifactQueue, Errand
    from asyncwb.sender.fold import Fold
    from asyncwb.sender.progress import DeliveryOptions, Progress
    from asyncwb.sender.signals import Gate
    from asyncwb.sender.target import RunTarget
    from asyncwb.settings import Settings
    from asyncwb.transport import RetryState, Transport, TransportConfig

__all__ = ["Attachments"]


class Attachments:
    """Alerts, files and artifacts of one run on their way to the server.

    Args:
        transport: For bytes.
        graphql: For the rest.
        target: The run.
        folder: The run's `files` folder.
        settings: Timeouts, and what is ignored.
        config: Server and credentials.
        options: How the journal is treated.
        ack: Says which artifacts are done.
        keeper: Writes the ack.
        progress: Gets what came of each artifact.
        group: Where the tasks run.
        ring: Called when something changed that somebody may wait for.
        on_retry: Called before a request is repeated.

    Attributes:
        alerts: The alerts.
        uploads: The files.
        artifacts: The artifacts; None before the first one.
    """

    # A thousand runs may live at once.
    __slots__ = (
        "_ack", "_config", "_end", "_graphql", "_group", "_keeper", "_options", "_progress",
        "_ring", "_settings", "_target", "_transport", "alerts", "artifacts", "uploads",
    )  # fmt: skip

    def __init__(
        self,
        transport: Transport,
        graphql: GraphQL,
        target: RunTarget,
        folder: Path,
        *,
        settings: Settings,
        config: TransportConfig,
        options: DeliveryOptions,
        ack: Ack,
        keeper: AckKeeper,
        progress: Progress,
        group: TaskGroup,
        ring: Callable[[], None],
        on_retry: Callable[[RetryState], None],
    ) -> None:
        self._transport = transport
        self._graphql = graphql
        self._target = target
        self._settings = settings
        self._config = config
        self._options = options
        self._ack = ack
        self._keeper = keeper
        self._progress = progress
        self._group = group
        self._ring = ring
        self.alerts = Alerts(graphql, target)
        self.uploads = Uploads(
            transport,
            graphql,
            folder,
            target,
            settings=settings,
            group=group,
            ring=ring,
            on_retry=on_retry,
            watch=options.follow,
        )
        self.artifacts: ArtifactQueue | None = None
        self._end: Gate | None = None

    def take_files(self, fold: Fold, position: int) -> None:
        """Take over the files that were asked for up to a journal position."""
        files, fold.files = fold.files, {}
        self.uploads.want(files, position)

    def take_errand(self, position: int, errand: Errand) -> None:
        """Take over what the record that ends at a journal position asks for."""
        if self.artifacts is None:
            # Most runs have no artifacts, and what sends them is much to import.
            from asyncwb.sender.artifact_queue import ArtifactQueue

            self.artifacts = ArtifactQueue(
                self._transport,
                self._graphql,
                self._target,
                settings=self._settings,
                config=self._config,
                ack=self._ack,
                keeper=self._keeper,
                progress=self._progress,
                group=self._group,
                ring=self._ring,
                repeats=self._options.recover,
                patience_seconds=self._options.patience_seconds,
            )
        self.artifacts.want(position, errand)

    @property
    def asked_from(self) -> int | None:
        """Journal position of the first record whose files or artifacts are still awaited."""
        positions = [
            queue.asked_from
            for queue in (self.uploads, self.artifacts)
            if queue is not None and queue.asked_from is not None
        ]
        return min(positions, default=None)

    def failure(self) -> Error | None:
        """Why files or artifacts failed, None when none did."""
        failure: Error | None = self.uploads.failure()
        if failure is None and self.artifacts is not None:
            failure = self.artifacts.failure()
        return failure

    def start_rest(self) -> None:
        """Upload all files that are left."""
        self._end = self.uploads.start_rest()

    async def close(self) -> None:
        """Remove what is needed no more once everything is done."""
        if self.artifacts is not None:
            await self.artifacts.remove_parts()

    @property
    def complete(self) -> bool:
        """Whether everything is done, after `start_rest`."""
        ended = self._end is not None and self._end.is_open
        return ended and (self.artifacts is None or not self.artifacts.waiting)
