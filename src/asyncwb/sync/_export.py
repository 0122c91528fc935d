"""`export` of the blocking face; by hand, as its runs may be any iterable of blocking runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asyncwb.export.exporting import export as async_export
from asyncwb.portal import PORTAL
from asyncwb.sync._base import Wrapper

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence

    from asyncwb.export.manifest import Format
    from asyncwb.export.result import ExportProgress, ExportResult
    from asyncwb.sync._api_run import Run
    from asyncwb.sync._api_runs import Runs

__all__ = ["export"]


def export(
    runs: Runs | Iterable[Run],
    to: str | os.PathLike[str],
    format: Format = "parquet",  # noqa: A002
    *,
    keys: Sequence[str] | None = None,
    concurrency: int = 8,
    progress: bool | Callable[[ExportProgress], None] = False,
) -> ExportResult:
    """Write runs and their whole history as tables; blocks until that is done.

    As `asyncwb.export`, which says what is written.

    Args:
        runs: What `Api.runs` gives, or any runs.
        to: A folder, or an address in an object store.
        format: `parquet`, `arrow`, `csv` or `jsonl`.
        keys: Only these keys of the history and `_step`, and only rows that have all of them.
        concurrency: Runs that are read at the same time, or groups of short ones.
        progress: True shows a bar; a function is called, in asyncwb's loop, with each step.

    Raises:
        InvalidValueError: An argument is wrong.
        UsageError: The place holds other files, or an export with other options; another export
            writes into it.
        UnsupportedError: A package is not installed; names the extra.
        CommError: The server or the store refused, or was not reached.
    """
    given = _async_of(runs) if isinstance(runs, Wrapper) else [_async_of(run) for run in runs]
    return PORTAL.call(
        async_export, given, to, format, keys=keys, concurrency=concurrency, progress=progress
    )


def _async_of(found: Any) -> Any:
    """What a blocking object stands for."""
    return getattr(found, "_async", found)
