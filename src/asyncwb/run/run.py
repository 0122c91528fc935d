"""One live run: the object that `init` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from asyncwb.errors import InvalidValueError, UsageError
from asyncwb.run.attributes import RunAttributes
from asyncwb.run.display import RunDisplay
from asyncwb.run.ending import RunEnding
from asyncwb.run.files import RunFiles
from asyncwb.run.model_methods import RunModels
from asyncwb.run.plotting import RunPlots
from asyncwb.run.watching import RunWatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from typing import Literal

    from asyncwb.run.config import Config
    from asyncwb.run.metrics import Metric
    from asyncwb.run.status import RunStatus
    from asyncwb.run.summary import Summary
    from asyncwb.types import AlertLevel

__all__ = ["Run"]


class Run(RunEnding, RunFiles, RunDisplay, RunWatch, RunModels, RunPlots, RunAttributes):
    """One live run. Made by `init`.

    Three words say how far a row has come. When `log` returns, the finished row is in the run's
    journal and survives `kill -9` of the process. When `flush` returns, the server has
    acknowledged it. When `finish` returns, everything is acknowledged, files are uploaded and the
    exit code is sent.

    Every method may be called from any task, thread and event loop, several at once. Nothing but
    `flush`, `finish` and `wait_stopped` waits for the network. As `async with` block, the run is
    finished at the end: with exit code 0, or 1 after an exception (`SystemExit`: its code;
    Ctrl-C and a cancelled task: 255).
    """

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

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Show these keys of the config first on the page of the run. Never waits.

        Args:
            keys: Top-level keys, in the order to show them; they take the place of those pinned
                before.

        Raises:
            InvalidValueError: A key is no string.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        pinned = [keys] if isinstance(keys, str) else list(keys)
        for key in pinned:
            if not isinstance(key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise InvalidValueError(f"a key of the config is a string, got {key!r}")
        self._check_open()
        self._core.recorder.config_reserved("pinned_keys", pinned)

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | Sequence[str] | None = None,
        goal: Literal["minimize", "maximize"] | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say how a metric is drawn, and what the summary holds of it. Never waits.

        It counts for the rows logged after it; the definition is in the journal when this
        returns. Of several definitions that fit a metric, the one of its very name counts, else
        the longest glob; nothing is put together from two of them.

        Args:
            name: Name of the metric, with dots for nested ones; with a `*` at its end, of all
                metrics that begin like it.
            step_metric: Metric that is the x axis, by name or as returned by this method.
            step_sync: Whether a row that has the metric and lacks the step metric gets the
                last logged value of that one, 0 before the first. None: True with a
                `step_metric`.
            hidden: Whether it gets no chart of its own.
            summary: Out of "min", "max", "mean", "best", "last", "first": the summary then holds
                an object with these; "none": nothing; "copy", the default: the last value. One,
                several in a list, or a text with commas.
            goal: "minimize" or "maximize": which value is the "best" one.
            overwrite: Whether what an earlier call for the same name said, and this one does not
                say, is forgotten. None: it stays, and summaries add up.

        Returns:
            What this call asked for; can be ignored, or be the `step_metric` of others.

        Raises:
            InvalidValueError: An argument has a wrong type or value, a `*` is not at the end, or
                "best" comes without a goal. Nothing has changed then.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        from asyncwb.run.metrics import checked_flag, checked_metric

        metric = checked_metric(name, step_metric, step_sync, hidden, summary, goal)
        forget = checked_flag("overwrite", overwrite)
        self._check_open()
        self._core.metrics.define(metric, overwrite=bool(forget))
        return metric

    async def alert(  # sync: here
        self,
        title: str,
        text: str,
        level: AlertLevel | str | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Ask the server to alert the user. Returns when the alert is in the journal.

        It is sent at once, ahead of rows that wait for their time; an offline run's when the run
        is synced. The server decides who is told and how. What comes too soon after another of
        its title is left out.

        Args:
            title: Up to 64 characters; alerts are rate limited by it.
            text: The message.
            level: An `AlertLevel`, or "INFO", "WARN" or "ERROR" in any case; INFO by default.
            wait_duration: Seconds, or a `timedelta`, that at least lie between two alerts of this
                title; 60 s by default.

        Raises:
            InvalidValueError: An argument has a wrong type or value.
            ClosedError: The run is finished.
            ForkedError: The run belongs to the parent process.
        """
        from asyncwb.run.alerts import checked_alert

        alert = checked_alert(title, text, level, wait_duration)
        self._check_open()
        self._core.recorder.alert(alert)
        self._core.hurry()

    def write_logs(self, text: str) -> None:
        """Add lines to the run's console that nobody printed. Returns when they are journaled.

        They are kept as they are, whatever `console` says. After the end of the run it does
        nothing, so that logging handlers may call it at any time.

        Args:
            text: One or several lines; a newline at the end may be left out.

        Raises:
            ForkedError: The run belongs to the parent process.
        """
        self._check_process()
        self._core.write_logs(text)

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

    def status(self) -> RunStatus:
        """A snapshot of the run and of what the server has of it. Never waits."""
        return self._core.status()

    # -- copies, exit ---------------------------------------------------------------------

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

    async def _finish_at_exit(self, exit_code: int, budget_seconds: float) -> None:
        """End a run that nobody finished; never raises."""
        await self._core.finish_at_exit(self, exit_code, budget_seconds)

    def _end_at_exit(self, exit_code: int) -> None:
        """End the journal of a run that nobody finished and that nothing can send any more."""
        self._core.survey.wait()
        self._core.media.wait(None)
        self._core.end(self, exit_code)
