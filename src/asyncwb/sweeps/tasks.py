"""A run that is an async function, in the event loop of whoever called `agent`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from asyncwb.run.assignment import ASSIGNED, Assignment
from asyncwb.sweeps.jobs import INTERRUPTED, Outcome, end_run
from asyncwb.sweeps.threads import show

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["TaskJob"]


class TaskJob:
    """Calls an async function; see `Job`. Run it in a task of its own: it sets a context variable.

    Args:
        function: What to call.
        assignment: The run that its first `init` begins.
    """

    def __init__(self, function: Callable[[], Awaitable[object]], assignment: Assignment) -> None:
        self._function = function
        self._assignment = assignment
        self._scope = anyio.CancelScope()

    async def run(self) -> Outcome:
        """See `Job`."""
        ASSIGNED.set(self._assignment)
        exit_code = INTERRUPTED
        outcome: Outcome = "stopped"
        try:
            with self._scope:
                exit_code, outcome = await self._call()
        finally:
            # Also when the agent is cancelled, and then in bounded time.
            with anyio.CancelScope(shield=True), anyio.move_on_after(self._patience):
                await end_run(self._assignment, exit_code)
        return outcome

    @property
    def _patience(self) -> float:
        return self._assignment.settings.exit_timeout

    async def _call(self) -> tuple[int, Outcome]:
        try:
            await self._function()
        except SystemExit as leave:
            return (0, "finished") if not leave.code else (1, "failed")
        except Exception as error:  # noqa: BLE001  the user's: shown, and the next run begins
            show(error, self._assignment)
            return 1, "failed"
        return 0, "finished"

    def end(self) -> None:
        """See `Job`."""
        self._scope.cancel()

    def force(self) -> None:
        """See `Job`. A task can only be asked."""
        self._scope.cancel()
