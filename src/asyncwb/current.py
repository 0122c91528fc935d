"""The current run and what belongs to it; `functions.py` has its methods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from asyncwb.errors import UsageError
from asyncwb.run.context import current_run

if TYPE_CHECKING:
    from asyncwb.run.config import Config
    from asyncwb.run.run import Run
    from asyncwb.run.summary import Summary

__all__ = ["BeforeInit", "config", "finish", "require_run", "summary"]


def require_run(name: str) -> Run:
    """The current run.

    Args:
        name: What was called, for the message.

    Raises:
        UsageError: There is no run.
    """
    run = current_run()
    if run is None:
        raise UsageError(f"You must call init() before {name}: there is no current run")
    return run


class BeforeInit:
    """Stands for `config` and `summary` while there is no run: any use of it raises.

    Args:
        name: Whose place it takes.
    """

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        name: str = object.__getattribute__(self, "_name")
        raise UsageError(f"You must call init() before using {name}: there is no current run")

    __getitem__ = __setitem__ = __delitem__ = __contains__ = __iter__ = __len__ = _refuse
    __setattr__ = __delattr__ = _refuse

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __repr__(self) -> str:
        return f"<{object.__getattribute__(self, '_name')}: no run yet, call init()>"


def config() -> Config | BeforeInit:
    """Config of the current run."""
    run = current_run()
    return BeforeInit("config") if run is None else run.config


def summary() -> Summary | BeforeInit:
    """Summary of the current run."""
    run = current_run()
    return BeforeInit("summary") if run is None else run.summary


async def finish(  # sync: here
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
    run = current_run()
    if run is not None:
        await run.finish(exit_code, timeout, quiet)
