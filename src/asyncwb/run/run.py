"""One live run: the object that `init` returns."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from asyncwb.errors import ClosedError, Error, ForkedError, InvalidValueError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from asyncwb.run.config import Config
    from asyncwb.run.core import RunCore
    from asyncwb.run.status import RunStatus
    from asyncwb.run.summary import Summary
    from asyncwb.settings import Settings
    from asyncwb.types import Mode

__all__ = ["Run"]


class LogNowait(Protocol):
    """`Run.log` as a plain call."""

    def __call__(
        self, row: Mapping[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Add a row."""
        ...


class Run:
    """One live run. Made by `init`.

    Three words say how far a row has come. When `log` returns, the finished row is in the run's
    journal and survives `kill -9` of the process. When `flush` returns, the server has
    acknowledged it. When `finish` returns, everything is acknowledged, files are uploaded and the
    exit code is sent.

    Every method may be called from any task, thread and event loop, several at once. Nothing but
    `flush` and `finish` waits for the network. As `async with` block, the run is finished at the
    end: with exit code 0, or 1 after an exception.
    """

    def __init__(self, core: RunCore) -> None:
        self._core = core
        # `log` as a plain call, for the blocking face: an attribute, to save a frame per row.
        self._log_nowait: LogNowait = core.history.log
        self._previous: Run | None = None
        self._pid = os.getpid()

    # -- logging ----------------------------------------------------------------------------

    async def log(  # sync: fast
        self, row: Mapping[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Add a row of values to the history.

        The finished row is in the journal when this returns: it survives `kill -9`. It never
        waits for the network, which never makes it fail either; see `status`.

        Without `step` and `commit` the row is finished at once, under the next step. A row stays
        open, and only in memory, while later calls may add to it: after `commit=False`, and
        after an explicit `step` without `commit=True`. Calls with the same step are merged, the
        later value wins; a larger step finishes the open row; a call without a step is merged
        into the open row and finishes it. A step behind the open one is kept as a row of its own
        under its step (setting `step_order`: "keep", "warn" or "raise").

        Args:
            row: Names to values: numbers, bools, text, None, nested dicts, lists; numpy, torch
                and jax scalars and small arrays. NaN and infinities are kept. `_timestamp` (Unix
                seconds) may be given; `_step` and `_runtime` are set by the run.
            step: Integer from 0; None: the open row, or the next step.
            commit: Whether the row is finished. None: True without `step`, else False.

        Raises:
            InvalidValueError: A row that is no dict, a key that is no string, a value that
                cannot be written, or a bad step. Nothing is written then and the run goes on.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        self._log_nowait(row, step, commit)

    @property
    def config(self) -> Config:
        """The inputs of the run. Changes are journaled at once and never wait."""
        return self._core.config

    @property
    def summary(self) -> Summary:
        """Last values and what was set by hand. Changes are journaled at once and never wait."""
        return self._core.summary

    async def alert(  # sync: here
        self,
        title: str,
        text: str,
        level: str = "INFO",
        wait_duration: float = 60.0,
    ) -> None:
        """Ask the server to alert the user. Returns when the alert is in the journal.

        Args:
            title: A short title; alerts are rate limited by it.
            text: The message.
            level: "INFO", "WARN" or "ERROR", in any case.
            wait_duration: Seconds that at least lie between two alerts of this title.

        Raises:
            InvalidValueError: Another level, or a negative duration.
            ClosedError: The run is finished.
        """
        checked = level.upper() if isinstance(level, str) else ""  # pyright: ignore[reportUnnecessaryIsInstance]
        if checked not in {"INFO", "WARN", "ERROR"}:
            raise InvalidValueError(f"level is 'INFO', 'WARN' or 'ERROR', got {level!r}")
        if not wait_duration >= 0:
            raise InvalidValueError(f"wait_duration is in seconds from 0, got {wait_duration!r}")
        self._check_open()
        self._core.recorder.alert(title, text, checked, wait_duration)

    def mark_preempting(self) -> None:
        """Tell the server that this process may be stopped soon. Returns at once.

        Raises:
            ClosedError: The run is finished.
        """
        self._check_open()
        self._core.recorder.preempting()

    # -- waiting ----------------------------------------------------------------------------

    async def flush(self, timeout: float | None = None) -> None:  # sync: here
        """Wait until the server has acknowledged everything that is in the journal by now.

        The open row is not part of it. Offline and disabled runs return at once.

        Args:
            timeout: Seconds; None: as long as it takes.

        Raises:
            WaitTimeoutError: The time was not enough. Nothing is lost: sending goes on.
            CommError: The server refused the run; the rows stay in the journal.
            ForkedError: The run belongs to the parent process.
        """
        self._check_process()
        await self._core.flush(timeout)

    async def finish(  # sync: here
        self,
        exit_code: int | None = None,
        timeout: float | None = None,
        quiet: bool | None = None,
    ) -> None:
        """End the run: everything sent and acknowledged, files uploaded, exit code sent.

        The open row is written first. What cannot be sent stays in the run's folder, where
        `asyncwb sync` finds it. Again is harmless. A cancelled call can be repeated.

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
        if exit_code is not None and (
            isinstance(exit_code, bool) or not isinstance(exit_code, int)  # pyright: ignore[reportUnnecessaryIsInstance]
        ):
            raise InvalidValueError(f"exit_code is an integer, got {exit_code!r}")
        await self._core.finish(self, exit_code or 0, timeout, quiet)

    def status(self) -> RunStatus:
        """A snapshot of the run and of what the server has of it. Never waits."""
        return self._core.status()

    # -- what it is -------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Id of the run, unique in its project."""
        return self._core.names.id

    @property
    def name(self) -> str | None:
        """Display name; None until the server has invented one. Setting it writes through."""
        return self._core.names.name

    @name.setter
    def name(self, value: str) -> None:
        self._check_open()
        self._core.names.set_name(value)

    @property
    def notes(self) -> str | None:
        """Notes. Setting them writes through."""
        return self._core.names.notes

    @notes.setter
    def notes(self, value: str) -> None:
        self._check_open()
        self._core.names.set_notes(value)

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags. Setting them writes through."""
        return self._core.names.tags

    @tags.setter
    def tags(self, value: Sequence[str]) -> None:
        self._check_open()
        self._core.names.set_tags(value)

    @property
    def entity(self) -> str | None:
        """User or team; None while only the server would know it."""
        return self._core.names.entity

    @property
    def project(self) -> str:
        """Project."""
        return self._core.names.project

    @property
    def group(self) -> str | None:
        """Group."""
        return self._core.settings.run_group

    @property
    def job_type(self) -> str | None:
        """Job type."""
        return self._core.settings.run_job_type

    @property
    def sweep_id(self) -> str | None:
        """Sweep that the run belongs to."""
        return self._core.settings.sweep_id

    @property
    def path(self) -> str:
        """`entity/project/id`, without the entity while it is unknown."""
        parts = (self.entity, self.project, self.id)
        return "/".join(part for part in parts if part)

    @property
    def url(self) -> str | None:
        """Web page of the run; None until the server has answered."""
        return self._core.url

    @property
    def dir(self) -> str:
        """Folder of the run's files, as an absolute path."""
        return str(self._core.folder.files_path)

    @property
    def mode(self) -> Mode:
        """Mode the run was started in."""
        return self._core.settings.mode

    @property
    def resumed(self) -> bool:
        """Whether the run continues one that the server had."""
        return self._core.resumed

    @property
    def step(self) -> int:
        """Step of the open row, or of the next one."""
        return self._core.history.step

    @property
    def starting_step(self) -> int:
        """Step of this run's first row; above 0 in a resumed run."""
        return self._core.starting_step

    @property
    def start_time(self) -> float:
        """Start of the run in Unix seconds."""
        return self._core.start_time

    @property
    def settings(self) -> Settings:
        """The settings of the run, frozen."""
        return self._core.settings

    # -- blocks, copies, forks --------------------------------------------------------------

    async def __aenter__(self) -> Self:
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
        try:
            await self.finish(exit_code=255 if isinstance(error, KeyboardInterrupt) else 1)
        except Error as failure:
            # The caller's own exception matters more; this one must not take its place.
            self._core.terminal.warning(str(failure))

    def __repr__(self) -> str:
        return f"<asyncwb.Run {self.path} {self._core.status().state}>"

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "a live run cannot be pickled or copied; pass run.path, or start a run of its own in "
            "the other process"
        )

    def __copy__(self) -> NoReturn:
        self.__reduce__()

    def __deepcopy__(self, memo: object) -> NoReturn:
        self.__reduce__()

    @property
    def _forked(self) -> bool:
        return self._core.forked

    def _leave_to_parent(self) -> None:
        """In a forked child: every later use raises."""
        self._core.leave_to_parent()

    def _check_process(self) -> None:
        if self._core.forked or os.getpid() != self._pid:
            raise ForkedError(
                f"the run {self.path} belongs to the parent process; call init() in this one, or "
                "start it with 'spawn' or 'forkserver'"
            )

    def _check_open(self) -> None:
        self._check_process()
        if self._core.ended:
            raise ClosedError("this run is finished; start another one with init()")

    async def _finish_at_exit(self, exit_code: int, budget_seconds: float) -> None:
        """End a run that nobody finished; never raises."""
        await self._core.finish_at_exit(self, exit_code, budget_seconds)

    def _end_at_exit(self, exit_code: int) -> None:
        """End the journal of a run that nobody finished and that nothing can send any more."""
        self._core.end(self, exit_code)
