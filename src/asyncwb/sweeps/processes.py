"""A run that is a program."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import TYPE_CHECKING

from asyncwb.sweeps.threads import BlockingJob

if TYPE_CHECKING:
    from asyncwb.run.terminal import Terminal
    from asyncwb.sweeps.command import Program
    from asyncwb.sweeps.jobs import Outcome

__all__ = ["ProcessJob"]


class ProcessJob(BlockingJob):
    """Runs a program in a process group of its own, so that Ctrl-C reaches the agent alone.

    Args:
        program: Command and environment.
        run_id: The run, for names.
        kill_delay: Seconds from SIGTERM to SIGKILL.
        terminal: For what goes wrong.
    """

    def __init__(
        self, program: Program, run_id: str, kill_delay: float, terminal: Terminal
    ) -> None:
        super().__init__(f"asyncwb sweep {run_id}", kill_delay)
        self._program = program
        self._terminal = terminal
        self._process: subprocess.Popen[bytes] | None = None

    def work(self) -> Outcome:
        """See `BlockingJob`."""
        try:
            process = subprocess.Popen(
                self._program.command,
                env=self._program.environment,
                # It is not the terminal's foreground group: reading from it would suspend it.
                stdin=subprocess.DEVNULL,
                process_group=0 if os.name == "posix" else None,
            )
        except OSError as error:
            self._terminal.warning(f"{self._program.command[0]!r} cannot be run: {error}")
            return "failed"
        self._process = process
        if self._ending:
            self.ask()
        return "finished" if process.wait() == 0 else "failed"

    def ask(self) -> None:
        """See `BlockingJob`."""
        self._signal(signal.SIGTERM)

    def force(self) -> None:
        """See `Job`."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def _signal(self, number: int) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(OSError):
            if os.name == "posix":
                # The whole group: a shell that started the trainer does not pass signals on.
                os.killpg(process.pid, number)
            else:
                process.terminate()
