"""One run, as the server keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import anyio

from asyncwb.api.following import ENDED
from asyncwb.api.history import HistoryScan, RunAddress, check_keys, sampled_rows
from asyncwb.api.run_access import RunAccess
from asyncwb.api.run_artifacts import RunArtifactMethods
from asyncwb.api.run_files import RunFileMethods
from asyncwb.api.run_media import RunMediaMethods
from asyncwb.api.summary import Summary
from asyncwb.errors import InvalidValueError, RunNotFoundError, WaitTimeoutError
from asyncwb.graphql.api_operations import (
    DELETE_RUN,
    RUN,
    RUN_STATE,
    STOP_RUN,
    UPDATE_RUN,
    UPDATE_RUN_STATE,
)
from asyncwb.portal import on_loop
from asyncwb.transport.offload import offload

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from asyncwb.api.history_exports import DownloadHistoryResult
    from asyncwb.graphql.api_answers import RunNode
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = ["Run", "fetch"]


class Run(RunAccess, RunFileMethods, RunArtifactMethods, RunMediaMethods):
    """A run on the server, as `Api.run` and `Api.runs` give it.

    Attributes are what the server said when the run was loaded; nothing here waits for the
    network but the methods that are awaited. `name`, `notes`, `description`, `tags`, `group`,
    `job_type`, `config` and `summary` can be changed; `await run.update()` sends the changes.

    A run listed with `lazy=True` has no `config`, `summary`, `system_metrics` and `history_keys`
    until `await run.load()`.
    """

    @on_loop
    async def load(self, force: bool = False) -> None:
        """Load what is missing, or with `force` everything again; unsent changes are lost then.

        Raises:
            RunNotFoundError: The run is gone.
            CommError: The server refused or was not reached.
        """
        if force or self.lazy:
            self._take(await fetch(self._service, self._address))

    async def load_full_data(self, force: bool = False) -> None:
        """Another name of `load`.

        Args:
            force: Load everything again.

        Raises:
            CommError: As for `load`.
        """
        await self.load(force)

    @on_loop
    async def update(self) -> None:
        """Send name, notes, description, tags, group, job type, config and summary.

        Each replaces what the server has.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
            InvalidValueError: A value cannot be written as JSON.
            CommError: The server refused or was not reached.
        """
        config = self.json_config
        summary = dict(self.summary)
        tags: object = self.tags
        if isinstance(tags, str):
            raise InvalidValueError(f"tags must be a list: [{tags!r}], not {tags!r}")
        variables: dict[str, object] = {
            "id": self.storage_id,
            "displayName": self.name,
            "description": self.description,
            "notes": self.notes,
            "tags": list(self.tags),
            "group": self.group,
            "jobType": self.job_type,
            "config": config,
        }
        answer = (await self._service.execute(UPDATE_RUN, variables)).upsert_bucket
        await self._write_summary(summary)
        if answer is not None and answer.bucket is not None:
            self._take(answer.bucket)
            self._made["summary"] = Summary(summary, self._write_summary)

    @on_loop
    async def save(self) -> None:
        """Another name of `update`."""
        await self.update()

    @on_loop
    async def delete(self, delete_artifacts: bool = False) -> None:
        """Delete the run on the server; cannot be undone.

        Args:
            delete_artifacts: Delete the artifacts that it logged, too.

        Raises:
            CommError: The server refused or was not reached.
        """
        await self._service.execute(
            DELETE_RUN, {"id": self.storage_id, "deleteArtifacts": delete_artifacts}
        )

    @on_loop
    async def stop(self) -> bool:
        """Ask the running process to stop; it learns of it with its next request.

        Returns:
            Whether the server took note.

        Raises:
            CommError: The server refused or was not reached.
        """
        answer = (await self._service.execute(STOP_RUN, {"id": self.storage_id})).stop_run
        return answer is not None and bool(answer.success)

    @on_loop
    async def update_state(self, state: str) -> bool:
        """Ask for another state, for example `pending`.

        Returns:
            Whether the server did it.

        Raises:
            CommError: The server refused the transition or was not reached.
        """
        variables = {"input": {"id": self.storage_id, "state": state}}
        answer = (await self._service.execute(UPDATE_RUN_STATE, variables)).update_run_state
        return answer is not None and bool(answer.success)

    @on_loop
    async def wait_until_finished(
        self, *, poll_seconds: float = 5.0, timeout: float | None = None
    ) -> None:
        """Wait until the run is finished, failed, crashed or killed, then load it again.

        Args:
            poll_seconds: Time between two looks.
            timeout: Seconds to wait at most; None: for ever.

        Raises:
            WaitTimeoutError: It did not end in time.
            RunNotFoundError: The run is gone.
            CommError: The server refused or was not reached.
        """
        with anyio.move_on_after(timeout) as scope:
            while await self._current_state() not in ENDED:  # noqa: ASYNC110 - the server decides
                await anyio.sleep(poll_seconds)
        if scope.cancelled_caught:
            raise WaitTimeoutError(f"{self._address} did not end within {timeout} s")
        await self.load(force=True)

    async def _current_state(self) -> str | None:
        project = (await self._service.execute(RUN_STATE, self._address.variables)).project
        if project is None or project.run is None:
            raise RunNotFoundError(f"Could not find run {self._address}")
        return project.run.state

    @overload
    async def history(
        self,
        samples: int = ...,
        keys: Sequence[str] | None = ...,
        x_axis: str = ...,
        *,
        pandas: Literal[False],
        stream: Literal["default", "system"] = ...,
    ) -> list[Row]: ...
    @overload
    async def history(
        self,
        samples: int = ...,
        keys: Sequence[str] | None = ...,
        x_axis: str = ...,
        pandas: bool = ...,
        stream: Literal["default", "system"] = ...,
    ) -> Any: ...  # noqa: ANN401 - a DataFrame, of a package that may not be there
    async def history(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: Literal["default", "system"] = "default",
    ) -> Any:
        """Rows that the server has thinned out; fast, and enough for a plot.

        Args:
            samples: Number of rows at most.
            keys: Only these, and only rows that have all of them.
            x_axis: With `keys`: what stands in the rows beside them.
            pandas: Give a DataFrame where pandas is installed.
            stream: "system" for the system metrics; takes no keys.

        Returns:
            A `pandas.DataFrame`, or a list of dicts.

        Raises:
            InvalidValueError: An argument is wrong.
            RunNotFoundError: The run is gone.
            CommError: The server refused or was not reached.
        """
        names = check_keys(keys)
        if samples < 1:
            raise InvalidValueError(f"samples must be 1 or more, not {samples}")
        if stream not in ("default", "system"):
            raise InvalidValueError(f"stream is 'default' or 'system', not {stream!r}")
        if names is not None and stream == "system":
            raise InvalidValueError("history(stream='system') gives all keys; it takes none")
        return await self._history(samples, names, x_axis, pandas, stream)

    @on_loop
    async def _history(
        self, samples: int, keys: list[str] | None, x_axis: str, pandas: bool, stream: str
    ) -> Any:
        rows = await sampled_rows(
            self._service,
            self._address,
            samples=samples,
            keys=keys,
            x_axis=x_axis,
            stream=stream,
        )
        return await offload(_frame, rows) if pandas else rows

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> HistoryScan:
        """Every row of the history, in step order: `async for row in run.scan_history()`.

        Sends nothing before the first row is asked for. Then several pages are asked for at
        once. Rows that share a step are all given, in the order in which they were logged.

        Args:
            keys: Only these (and `_step`), and only rows that have all of them.
            page_size: Rows of the first pages; later ones adapt to the rows' size.
            min_step: First step.
            max_step: The step to stop before; None: to the end as it is at the start.
            use_cache: Accepted for scripts that pass it; nothing is cached.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return HistoryScan(
            self._service,
            self._address,
            keys=keys,
            page_size=page_size,
            min_step=min_step,
            max_step=max_step,
        )

    async def history_arrays(
        self,
        keys: Sequence[str] | None = None,
        *,
        min_step: int = 0,
        max_step: int | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Every row of the history as one numpy array per key, in step order.

        The same as `scan_history(...).to_arrays()`, where shapes and dtypes are described;
        `to_pandas`, `to_polars` and `to_arrow` are its neighbours.

        Args:
            keys: Only these and `_step`, and only rows that have all of them.
            min_step: First step.
            max_step: The step to stop before; None: to the end.

        Raises:
            InvalidValueError: An argument is wrong.
            RunNotFoundError: The run is gone.
            CommError: The server refused or was not reached.
        """
        return await self.scan_history(keys, min_step=min_step, max_step=max_step).to_arrays()

    @on_loop
    async def download_history_exports(
        self, download_dir: str | os.PathLike[str], require_complete_history: bool = True
    ) -> DownloadHistoryResult:
        """Save the Parquet files that the server has made of the history.

        Servers that make none (the embedded one) have nothing to save: see `asyncwb.export` and
        `to_pandas`. Several files are fetched at a time; each appears with its last byte.

        Args:
            download_dir: Where they go; made if need be. Files of an earlier call are replaced.
            require_complete_history: Refuse where the run has rows that are in no file yet.

        Returns:
            The files, and what went wrong with others.

        Raises:
            IncompleteRunHistoryError: The run has such rows.
            RunNotFoundError: The run is gone.
            CommError: The server refused or was not reached.
        """
        from asyncwb.api.history_exports import download_exports

        return await download_exports(
            self._service, self._address, Path(download_dir), complete=require_complete_history
        )

    def beta_scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,
    ) -> HistoryScan:
        """An older name of `scan_history`.

        Args:
            keys: As there.
            page_size: As there.
            min_step: As there.
            max_step: As there.
            use_cache: As there.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return self.scan_history(keys, page_size, min_step, max_step, use_cache)


async def fetch(service: Service, address: RunAddress) -> RunNode:
    """Ask for all of a run; in the loop.

    Raises:
        RunNotFoundError: No run lives at the address.
    """
    project = (await service.execute(RUN, address.variables)).project
    if project is None or project.run is None:
        raise RunNotFoundError(f"Could not find run {address}")
    return project.run


def _frame(rows: list[Row]) -> Any:  # noqa: ANN401
    try:
        import pandas
    except ImportError:
        return rows
    frame: Any = pandas.DataFrame
    return frame.from_records(rows)
