"""Module-level names of the blocking face, bound to the current run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.current import BeforeInit, config, require_run, summary
from asyncwb.run.context import current_run
from asyncwb.sync._run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BeforeInit", "alert", "config", "finish", "flush", "log", "run", "summary"]


def run() -> Run | None:
    """The current run; None without one."""
    found = current_run()
    return None if found is None else Run.from_async(found)


def log(row: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Add a row to the current run; `Run.log` says when it returns and what it promises.

    Args:
        row: Names to values.
        step: Integer from 0; None: the open row, or the next step.
        commit: Whether the row is finished. None: True without `step`, else False.

    Raises:
        UsageError: There is no current run.
        InvalidValueError: The row cannot be written.
    """
    require_run("log()")._log_nowait(row, step, commit)  # pyright: ignore[reportPrivateUsage]


def flush(timeout: float | None = None) -> None:
    """Wait until the server has acknowledged what the current run logged; see `Run.flush`.

    Args:
        timeout: Seconds; None: as long as it takes.

    Raises:
        UsageError: There is no current run.
        WaitTimeoutError: The time was not enough.
    """
    Run.from_async(require_run("flush()")).flush(timeout)


def finish(
    exit_code: int | None = None, timeout: float | None = None, quiet: bool | None = None
) -> None:
    """End the current run; see `Run.finish`. Does nothing without one.

    Args:
        exit_code: 0 (also None): the run finished; anything else: it failed.
        timeout: Seconds after which this gives up; None: while the server makes progress.
        quiet: Show nothing about it; None: as the settings say.

    Raises:
        WaitTimeoutError: The server does not have everything.
        CommError: The server refused the run.
    """
    found = run()
    if found is not None:
        found.finish(exit_code, timeout, quiet)


def alert(title: str, text: str, level: str = "INFO", wait_duration: float = 60.0) -> None:
    """Ask the server to alert the user; see `Run.alert`.

    Args:
        title: A short title; alerts are rate limited by it.
        text: The message.
        level: "INFO", "WARN" or "ERROR".
        wait_duration: Seconds between two alerts of this title.

    Raises:
        UsageError: There is no current run.
        InvalidValueError: Another level, or a negative duration.
    """
    Run.from_async(require_run("alert()")).alert(title, text, level, wait_duration)
