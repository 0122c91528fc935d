"""How a journal is to be delivered, and how far that went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    from asyncwb.artifacts.progress import TransferProgress
    from asyncwb.errors import Error
    from asyncwb.sender.resume import ResumePoint
    from asyncwb.sender.status import Phase
    from asyncwb.sender.target import RunTarget

__all__ = ["DeliveryOptions", "Outcome", "Progress", "StopListener", "TransferListener"]


_STOP_LOOK_SECONDS = 5.0


class DeliveryOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How to treat the journal.

    Attributes:
        follow: Wait for more at the end of the journal. Off: a journal without an exit record is
            that of a crashed process.
        recover: An earlier sender, or the `wandb` package, may have delivered a part.
        patience_seconds: How long to repeat a request while the server is not there.
    """

    follow: bool = True
    recover: bool = False
    patience_seconds: float = 7 * 24 * 3600.0


class StopListener(Protocol):
    """Who wants to know that the server asks the run to stop."""

    @property
    def watched(self) -> bool:
        """Whether somebody waits for it: then a silent run asks more often."""
        ...

    def request(self) -> None:
        """The server asked. Called in the loop, perhaps again."""
        ...


class TransferListener(Protocol):
    """Who wants to know how far an upload is."""

    def __call__(self, state: TransferProgress, /) -> object:
        """Be told, in a thread of asyncwb; must be quick."""
        ...


class Outcome(msgspec.Struct, frozen=True):
    """What came of one errand about an artifact.

    Attributes:
        id: The server's id of the version; "" where it failed.
        error: Why it failed.
    """

    id: str
    error: Error | None = None


class Progress(msgspec.Struct, kw_only=True):
    """What happened so far; written in the loop, read anywhere.

    Attributes:
        acked: Rows before this journal position were accepted.
        settled: So was everything else before this one: config, alerts, files due now.
        position: Read up to here.
        inherited: Config of the run that this one goes on with.
        outcomes: What came of each errand about artifacts, by its journal position.
        transfers: Who wants to know how far the artifact of a journal position is.
        trouble: Why the config could not be delivered the last time; rows go on meanwhile.
        error: Why the delivery ended.
        listener: Told of a stop that the server asks for.
    """

    phase: Phase = "starting"
    acked: int = 0
    settled: int = 0
    position: int = 0
    flush_to: int = 0
    rows_sent: int = 0
    bytes_sent: int = 0
    retries: int = 0
    unreadable: int = 0
    last_error: str = ""
    stop_requested: bool = False
    target: RunTarget | None = None
    resumed: ResumePoint | None = None
    inherited: dict[str, object] = {}  # noqa: RUF012 - msgspec copies it per instance
    outcomes: dict[int, Outcome] = {}  # noqa: RUF012 - msgspec copies it per instance
    transfers: dict[int, TransferListener] = {}  # noqa: RUF012 - msgspec copies it per instance
    trouble: Error | None = None
    error: Error | None = None
    listener: StopListener | None = None

    @property
    def longest_silence(self) -> float | None:
        """Seconds after which a silent run is to ask the server, while somebody waits for a stop.

        Only an answer brings it.
        """
        return _STOP_LOOK_SECONDS if self.listener is not None and self.listener.watched else None

    def note_stop(self) -> None:
        """The server asked the run to stop."""
        self.stop_requested = True
        if self.listener is not None:
            self.listener.request()
