"""The Parquet files of a run's history, into a folder."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import anyio
import msgspec

from asyncwb.api.parquet_history import fetch_file
from asyncwb.api.sampled import ask
from asyncwb.errors import Error, GraphQLError, IncompleteRunHistoryError
from asyncwb.graphql.api_operations import SCAN_BOUNDS
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.api.address import RunAddress
    from asyncwb.graphql.service import Service

__all__ = ["DownloadHistoryResult", "download_exports"]

_AT_ONCE = 4
_NOT_IN_NAMES = re.compile(r"[^\w.-]")


class DownloadHistoryResult(msgspec.Struct, frozen=True):
    """What `Run.download_history_exports` did.

    Attributes:
        paths: The files that are there now, in the order of their rows.
        contains_live_data: Whether the run has rows that are in none of them.
        errors: What went wrong with files that are not there; None: nothing.
    """

    paths: list[Path]
    contains_live_data: bool
    errors: dict[Path, str] | None = None


async def download_exports(
    service: Service, address: RunAddress, folder: Path, *, complete: bool
) -> DownloadHistoryResult:
    """See `Run.download_history_exports`; in the loop."""
    try:
        run = await ask(service, SCAN_BOUNDS, address, {"liveKeys": ["_step"]})
        exports = run.parquet_history
    except GraphQLError as exc:
        if "parquetHistory" not in exc.message:
            raise
        exports = None  # a server older than the field moves nothing to files
    urls = (exports.parquet_urls or []) if exports is not None else []
    live = bool(exports is not None and exports.live_data)
    if live and complete:
        raise IncompleteRunHistoryError(
            f"{address} has rows that the server has not put into files yet: try again later, take "
            "what is there with require_complete_history=False, or all with scan_history()"
        )
    await offload(partial(folder.mkdir, parents=True, exist_ok=True))
    stem = _NOT_IN_NAMES.sub("_", f"{address.entity}_{address.project}_{address.run_id}")
    paths = [folder / f"{stem}_{number}.runhistory.parquet" for number in range(len(urls))]
    errors: dict[Path, str] = {}
    limit = anyio.CapacityLimiter(_AT_ONCE)

    async def fetch(url: str, path: Path) -> None:
        part = path.with_name(path.name + ".part")
        async with limit:
            try:
                await fetch_file(service, url, part)
                await offload(part.replace, path)
            except (Error, OSError) as exc:
                errors[path] = str(exc)
            finally:
                with anyio.CancelScope(shield=True):
                    await offload(partial(part.unlink, missing_ok=True))

    async with anyio.create_task_group() as group:
        for url, path in zip(urls, paths, strict=True):
            group.start_soon(fetch, url, path)
    there = [path for path in paths if path not in errors]
    return DownloadHistoryResult(there, live, errors or None)
