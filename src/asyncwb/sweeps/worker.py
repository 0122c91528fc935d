"""One agent as the server sees it: it has at most one run at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from asyncwb.errors import CommError
from asyncwb.sweeps.service import SweepGoneError

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.graphql.sweep_operations import Command
    from asyncwb.run.terminal import Terminal
    from asyncwb.sweeps.jobs import Job, Outcome
    from asyncwb.sweeps.service import Service

__all__ = ["Worker"]


class Worker:
    """Asks for runs and carries them out, one after the other.

    Args:
        service: The way to the server.
        agent_id: What the server calls this one.
        interval: Seconds between heartbeats.
        terminal: For lines to the user.
    """

    def __init__(
        self, service: Service, agent_id: str, interval: float, terminal: Terminal
    ) -> None:
        self._service = service
        self._agent_id = agent_id
        self._interval = interval
        self._terminal = terminal
        self._told_of_trouble = False
        self._outcome: Outcome | None = None
        self.gone = False
        self.exit = False

    async def next_run(self, enough: anyio.Event) -> Command | None:
        """Wait for a run; None when there will be none, or when `enough` is set."""
        while not (self.gone or self.exit or enough.is_set()):
            for command in await self._heartbeat(None):
                if command.type in ("run", "resume"):
                    return command
                if command.type == "exit":
                    self.exit = True
            if not (self.gone or self.exit):
                with anyio.move_on_after(self._interval):
                    await enough.wait()
        return None

    async def carry_out(self, run_id: str, job: Job) -> Outcome:
        """Run a job to its end, with heartbeats beside it that may end it."""
        self._outcome = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._run, job, group.cancel_scope.cancel)
            while True:
                await anyio.sleep(self._interval)
                if self.gone:
                    continue
                for command in await self._heartbeat(run_id):
                    if command.type == "stop" and command.run_id == run_id:
                        job.end()
                    elif command.type == "exit":
                        self.exit = True
                        job.end()
        return self._outcome or "stopped"

    async def _run(self, job: Job, done: Callable[[], object]) -> None:
        self._outcome = await job.run()
        done()

    async def _heartbeat(self, run_id: str | None) -> list[Command]:
        try:
            commands = await self._service.heartbeat(self._agent_id, [run_id] if run_id else [])
        except SweepGoneError:
            self.gone = True
            return []
        except CommError as error:
            # The next one may get through; a run that is under way does not depend on it.
            if not self._told_of_trouble:
                self._told_of_trouble = True
                self._terminal.warning(f"the sweep's server cannot be asked now: {error.message}")
            return []
        self._told_of_trouble = False
        return commands
