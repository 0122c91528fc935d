"""Runs of a project."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from asyncwb import jsonx
from asyncwb.api.frame_data import to_frame
from asyncwb.api.history import RunAddress, check_keys, sampled_rows
from asyncwb.api.local import address_of
from asyncwb.api.pages import Listing
from asyncwb.api.run import Run
from asyncwb.errors import InvalidValueError, NotFoundError, RunNotFoundError
from asyncwb.graphql.api_operations import LIGHT_RUNS, RUNS
from asyncwb.graphql.flight import Ahead
from asyncwb.graphql.paginator import Page
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from asyncwb.api.paths import ProjectPath
    from asyncwb.api.sweeps import Sweep
    from asyncwb.graphql import Operation
    from asyncwb.graphql.api_answers import RunsData
    from asyncwb.graphql.service import Service
    from asyncwb.types import Row

__all__ = ["DEFAULT_ORDER", "Runs", "check_order", "filter_text"]

DEFAULT_ORDER = "+created_at"
_AT_ONCE = 8


class Runs(Listing["Run"]):
    """Runs of a project; made by `Api.runs`. Pages are asked for once and kept.

    `async for run in runs`; `await runs.length()`, `await runs.get(3)`,
    `await runs.slice(0, 10)`, `await runs.next()`. While the caller works on a page the next one
    is under way.
    """

    def __init__(
        self,
        service: Service,
        path: ProjectPath,
        *,
        filters: Mapping[str, Any] | None,
        order: str | None,
        per_page: int,
        include_sweeps: bool,
        lazy: bool,
        limit: int | None = None,
    ) -> None:
        super().__init__(service, name="asyncwb runs", per_page=per_page, limit=limit)
        self._path = path
        self._filters = filter_text(filters)
        self._order = check_order(order or DEFAULT_ORDER)
        self._lazy = lazy
        self._sweeps: dict[str, Sweep | None] | None = {} if include_sweeps else None

    def __repr__(self) -> str:
        return f"<Runs {self._path.entity or ''}/{self._path.project}>"

    @on_loop
    async def upgrade_to_full(self) -> None:
        """Load config and summary of the runs that were listed without, and of those to come.

        Raises:
            RunNotFoundError: A run is gone.
            CommError: The server refused or was not reached.
        """
        self._lazy = False
        waiting = [run for run in await self._pages.take(self._pages.loaded) if run.lazy]
        ahead: Ahead[None] = Ahead("asyncwb full runs")
        try:
            for run in waiting:
                ahead.start(partial(run.load))
                if len(ahead) >= _AT_ONCE:
                    await ahead.next()
            while len(ahead):
                await ahead.next()
        finally:
            await ahead.aclose()

    async def histories(
        self,
        samples: int = 500,
        keys: list[str] | None = None,
        x_axis: str = "_step",
        format: Literal["default", "pandas", "polars"] = "default",
        stream: Literal["default", "system"] = "default",
    ) -> Any:
        """Sampled rows of every run, each with the id of its run under `run_id`.

        One request for each run, several at a time.

        Args:
            samples: Number of rows of each run at most.
            keys: Only these, and only rows that have all of them.
            x_axis: With `keys`: what stands in the rows beside them.
            format: "default" for a list of dicts, or the package whose DataFrame is wanted.
            stream: "system" for the system metrics; takes no keys.

        Returns:
            A list of dicts, or a DataFrame with a column for each key and `run_id`, in the order of
            their names.

        Raises:
            InvalidValueError: An argument is wrong.
            UnsupportedError: The package of `format` is not installed.
            CommError: The server refused or was not reached.
        """
        names = check_keys(keys)
        if samples < 1:
            raise InvalidValueError(f"samples must be 1 or more, not {samples}")
        if format not in ("default", "pandas", "polars"):
            raise InvalidValueError(f"format is 'default', 'pandas' or 'polars', not {format!r}")
        if stream not in ("default", "system"):
            raise InvalidValueError(f"stream is 'default' or 'system', not {stream!r}")
        if names is not None and stream == "system":
            raise InvalidValueError("histories(stream='system') gives all keys; it takes none")
        return await self._histories(samples, names, x_axis, format, stream)

    @on_loop
    async def _histories(
        self, samples: int, keys: list[str] | None, x_axis: str, format: str, stream: str
    ) -> Any:
        found: list[Row] = []
        waiting: list[str] = []
        ahead: Ahead[list[Row]] = Ahead("asyncwb histories")

        async def take() -> None:
            rows, run_id = await ahead.next(), waiting.pop(0)
            found.extend({**row, "run_id": run_id} for row in rows)

        try:
            async for run in self.items():
                address = RunAddress(run.entity, run.project, run.id)
                waiting.append(run.id)
                ahead.start(
                    partial(
                        sampled_rows,
                        self._service,
                        address,
                        samples=samples,
                        keys=keys,
                        x_axis=x_axis,
                        stream=stream,
                    )
                )
                if len(ahead) >= _AT_ONCE:
                    await take()
            while len(ahead):
                await take()
        finally:
            await ahead.aclose()
        return found if format == "default" else await to_frame(found, format)

    def _operation(self) -> Operation[RunsData]:
        return LIGHT_RUNS if self._lazy else RUNS

    async def _fetch(self, cursor: str | None) -> Page[Run]:
        entity = await self._service.entity(self._path.entity)
        project = self._path.project
        variables: dict[str, object] = {
            "entity": entity,
            "project": project,
            "filters": self._filters,
            "order": self._order,
            "perPage": self._per_page,
            "cursor": cursor,
            # Counting reads every run that the filters look into: once is enough.
            "count": self._count is None,
        }
        answer = (await self._service.execute(self._operation(), variables, lane="bulk")).project
        if answer is None:
            raise RunNotFoundError(f"Could not find project {entity}/{project}")
        if answer.run_count is not None:
            self._count = answer.run_count
        if answer.runs is None:
            return Page([], None, more=False)
        runs = [
            Run(self._service, address_of(edge.node, entity, project), edge.node)
            for edge in answer.runs.edges
        ]
        if self._sweeps is not None:
            await self._load_sweeps(self._sweeps, runs)
        info = answer.runs.page_info
        # The cursor of the last edge counts in this listing, as the wandb package has it.
        last = answer.runs.edges[-1].cursor if answer.runs.edges else info.end_cursor
        return Page(runs, last, info.has_next_page)

    async def _load_sweeps(self, known: dict[str, Sweep | None], runs: list[Run]) -> None:
        """Give each run its sweep; every sweep is asked for once."""
        from asyncwb.api.sweep_agents import SweepAddress
        from asyncwb.api.sweeps import fetch_sweep

        for run in runs:
            name = run.sweep_name
            if name is None:
                continue
            if name not in known:
                try:
                    address = SweepAddress(run.entity, run.project, name)
                    known[name] = await fetch_sweep(self._service, address)
                except NotFoundError:
                    known[name] = None  # deleted: its runs are still there
            run._sweep = known[name]  # pyright: ignore[reportPrivateUsage]


def filter_text(filters: object) -> str:
    """A filter as it is sent.

    Raises:
        InvalidValueError: It is no dict, or cannot be written as JSON.
    """
    if filters is not None and not isinstance(filters, Mapping):
        raise InvalidValueError(f"filters must be a dict, not {type(filters).__name__}")
    given = dict(cast("Mapping[str, Any]", filters or {}))
    return jsonx.encode(given).decode()


def check_order(order: object) -> str:
    """An order as it is sent.

    Raises:
        InvalidValueError: It is no text, or names no key.
    """
    if not isinstance(order, str):
        raise InvalidValueError(f"order must be a text such as '-created_at', not {order!r}")
    if order.strip() in {"", "+", "-"}:
        raise InvalidValueError(f"order {order!r} names no key")
    return order
