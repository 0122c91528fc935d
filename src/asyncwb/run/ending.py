"""How a live run ends: stop, preemption, `finish`, `detach`, and the end of a block."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from asyncwb.errors import Error, InvalidValueError
from asyncwb.portal import PORTAL
from asyncwb.portal.here import shield
from asyncwb.run.attributes import RunAttributes
from asyncwb.run.exit import code_of_error

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["RunEnding"]


class RunEnding(RunAttributes):
    """The end of a run; `Run` adds what comes before it."""

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked on the server that this run stops. From any thread, never waits.

        The server says so with its next answer. A run that logs gets one within a second or two;
        a silent one asks every 5 seconds while somebody looks here, or waits in `wait_stopped`,
        and every `heartbeat_seconds` otherwise.
        """
        return self._core.stop.look()

    async def wait_stopped(self, timeout: float | None = None) -> bool:  # sync: here
        """Wait until somebody asks on the server that this run stops.

        Returns as well when the run ends. Offline and disabled runs have no server that could
        ask, so that they wait for the end of the time or of the run. Cancelling it harms nothing.

        Args:
            timeout: Seconds; None: until the run ends.

        Returns:
            True when the run is to stop; False when it ended, or the time was over.

        Raises:
            ForkedError: The run belongs to the parent process.
        """
        self._check_process()
        return await PORTAL.acall(self._core.stop.wait, timeout)

    def mark_preempting(self) -> None:
        """Tell the server, at once, that this process may be stopped soon. Never waits.

        The run then counts as preempting, and as preempted when it goes silent or fails, so that
        a sweep gives its work to somebody else.

        Raises:
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._check_open()
        self._core.recorder.preempting()
        self._core.hurry()

    async def finish(  # sync: here
        self,
        exit_code: int | None = None,
        timeout: float | None = None,
        quiet: bool | None = None,
    ) -> None:
        """End the run: everything sent and acknowledged, files uploaded, exit code sent.

        The open row is written first. What cannot be sent stays in the run's folder, where
        `asyncwb sync` finds it. Again is harmless. A cancelled call can be repeated; if it is
        not, the sending goes on in the background and ends with the process.

        Args:
            exit_code: 0 (also None): the run finished; anything else: it failed.
            timeout: Seconds after which this gives up; None: as long as the server makes
                progress (it gives up after `exit_timeout` seconds without any).
            quiet: Show nothing about it; None: as the settings say.

        Raises:
            WaitTimeoutError: The server does not have everything; says what is unsent and how to
                send it later. The run has ended nevertheless.
            CommError: The server refused the run; the rows stay in the journal.
            ForkedError: The run belongs to the parent process.
        """
        self._check_process()
        await self._core.finish(self, _checked(exit_code), timeout, quiet)

    async def join(self, exit_code: int | None = None) -> None:  # sync: here
        """The same as `finish`.

        Args:
            exit_code: 0 (also None): the run finished; anything else: it failed.

        Raises:
            WaitTimeoutError: The server does not have everything.
            CommError: The server refused the run.
            ForkedError: The run belongs to the parent process.
        """
        await self.finish(exit_code)

    async def detach(self, exit_code: int | None = None) -> None:  # sync: here
        """End the run here and leave the rest to `asyncwb sync`. Never waits for the network.

        The open row and the end of the run are written to the journal, and the sending stops.
        `asyncwb sync` of the run's folder, in any process and at any time, sends what the server
        does not have and ends the run there; until then the server shows it as running, and
        after a few minutes as crashed. Of a finished run nothing is left to detach.

        Args:
            exit_code: What the run will end with: 0 (also None) or a failure.

        Raises:
            InvalidValueError: The exit code is no integer.
            ForkedError: The run belongs to the parent process.
        """
        self._check_process()
        await self._core.detach(self, _checked(exit_code))

    async def __aenter__(self) -> Self:  # sync: here
        return self

    async def __aexit__(  # sync: here
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            await self.finish()
            return
        # A cancelled block still sends its rows. The scope that was cancelled would cancel
        # every further wait: hence the shield, and a limit for it.
        cancelled = not isinstance(error, Exception)
        limit = self._core.settings.exit_timeout if cancelled else None
        try:
            with shield() if cancelled else nullcontext():
                await self.finish(code_of_error(error), limit)
        except Error as failure:
            # The caller's own exception matters more; this one must not take its place.
            self._core.terminal.warning(str(failure))


def _checked(exit_code: int | None) -> int:
    if exit_code is not None and (
        isinstance(exit_code, bool) or not isinstance(exit_code, int)  # pyright: ignore[reportUnnecessaryIsInstance]
    ):
        raise InvalidValueError(f"exit_code is an integer, got {exit_code!r}")
    return exit_code or 0
