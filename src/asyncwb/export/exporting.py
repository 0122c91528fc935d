"""`export`: runs and their history as files of tables."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from asyncwb.api.history import check_keys
from asyncwb.api.run import Run
from asyncwb.api.runs import Runs
from asyncwb.errors import InvalidValueError
from asyncwb.export.job import Job
from asyncwb.export.manifest import FORMATS
from asyncwb.portal import PORTAL

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncGenerator, Callable, Sequence

    from asyncwb.export.manifest import Format
    from asyncwb.export.result import ExportProgress, ExportResult

__all__ = ["export"]


async def export(
    runs: Runs | Iterable[Run] | AsyncIterable[Run],
    to: str | os.PathLike[str],
    format: Format = "parquet",  # noqa: A002 - the field's word
    *,
    keys: Sequence[str] | None = None,
    concurrency: int = 8,
    progress: bool | Callable[[ExportProgress], None] = False,
) -> ExportResult:
    """Write runs and their whole history as tables; awaits the end of it.

    In the place `to`: `runs.<format>` with one row per run (config and summary as columns),
    `history/entity=<e>/project=<p>/run_id=<r>/history.<format>` with one row per step, and
    `manifest.json`, which says what there is, with row counts and the types of the columns.

    A second call does the rest: runs that are there and have not changed are kept. Each file
    appears complete or not at all. Memory holds some pages of `concurrency` runs, and the table of
    runs.

    Args:
        runs: What `Api.runs` gives, of a server or of this machine, or any runs.
        to: A folder that is empty, new, or holds an earlier call's export; or an address in an
            object store (`s3://bucket/prefix`, `gs://`, `az://`; extra `references`).
        format: `parquet` or `arrow` (extra `export`), `csv` or `jsonl`. Whole numbers stay whole,
            NaN and infinities are kept. Nested values, and columns of several types, are JSON text.
        keys: Only these keys of the history and `_step`, and only rows that have all of them.
        concurrency: Runs that are read at the same time, or groups of short ones.
        progress: True shows a bar (extra `cli`); a function is called, in asyncwb's loop, with
            each step.

    Raises:
        InvalidValueError: An argument is wrong.
        UsageError: The place holds other files, or an export with another format or other keys;
            another export writes into it.
        UnsupportedError: A package is not installed; names the extra.
        CommError: The server or the store refused, or was not reached. Other runs are finished
            first, and a second call does the rest.
    """
    if format not in FORMATS:
        raise InvalidValueError(f"format is one of {', '.join(FORMATS)}, not {format!r}")
    if concurrency < 1:
        raise InvalidValueError(f"concurrency must be 1 or more, not {concurrency}")
    names = check_keys(keys)
    source = await _checked(runs)
    job = Job(source, to, format, names, concurrency)
    if not isinstance(progress, bool):
        job.on_progress = progress
    elif progress:
        from asyncwb.export.progress import ProgressBar

        with ProgressBar() as bar:
            job.on_progress = bar.update
            return await PORTAL.acall(job.run)
    return await PORTAL.acall(job.run)


async def _checked(runs: Runs | Iterable[Run] | AsyncIterable[Run]) -> Runs | list[Run]:
    """The runs; an iterator of the caller is read here, in the caller's loop."""
    if isinstance(runs, Runs):
        return runs
    given: Any = runs
    if isinstance(runs, AsyncIterable):
        async with aclosing(_each(runs)) as found:
            given = [run async for run in found]
    try:
        chosen: list[Any] = list(given)
    except TypeError as exc:
        message = f"runs are what Api.runs() gives, not {type(given).__name__}"
        raise InvalidValueError(message, exc=exc) from exc
    for run in chosen:
        if not isinstance(run, Run):
            raise InvalidValueError(f"runs are what Api.runs() gives, not {type(run).__name__}")
    return chosen


async def _each(runs: AsyncIterable[Run]) -> AsyncGenerator[Run, None]:
    async for run in runs:
        yield run
