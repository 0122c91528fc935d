"""One run of a sweep while an agent carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from asyncwb.run.assignment import Assignment

__all__ = ["INTERRUPTED", "Job", "Outcome", "end_run"]

Outcome: TypeAlias = Literal["finished", "failed", "stopped"]

INTERRUPTED = 255
"""Exit code of a run that was stopped, as after Ctrl-C."""


class Job(Protocol):
    """Something that an agent runs, and may have to end before its time."""

    async def run(self) -> Outcome:
        """Carry it out. Cancelled, it ends what runs, in bounded time, and raises."""
        ...

    def end(self) -> None:
        """Ask it to end; where it can be forced, it is, after the kill delay. Returns at once."""
        ...

    def force(self) -> None:
        """Do not wait for it any longer."""
        ...


async def end_run(assignment: Assignment, exit_code: int) -> None:
    """Finish the run of an assignment where its function did not, or was cancelled while it did.

    What goes wrong is shown.
    """
    from asyncwb.errors import Error

    run = assignment.run
    if run is None or run.status().state not in ("running", "finishing"):
        return
    try:
        await run.finish(exit_code)
    except Error as error:
        run._core.terminal.warning(str(error))  # pyright: ignore[reportPrivateUsage]
