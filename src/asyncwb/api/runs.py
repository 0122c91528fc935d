"""Runs of a project."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from asyncwb import jsonx
from asyncwb.api.batches import closing, each
from asyncwb.api.local import address_of
from asyncwb.api.run import Run
from asyncwb.errors import InvalidValueError, RunNotFoundError, UnsupportedError
from asyncwb.graphql.api_operations import LIGHT_RUNS, RUNS
from asyncwb.graphql.paginator import Page, Paginator
from asyncwb.portal import on_loop, on_loop_iter

if TYPE_CHECKING:
    from asyncwb.api.paths import ProjectPath
    from asyncwb.graphql.service import Service

__all__ = ["Runs"]

DEFAULT_ORDER = "+created_at"


class Runs:
    """Runs of a project; made by `Api.runs`. Pages are asked for once and kept.

    `async for run in runs`; `await runs.length()`, `await runs.get(3)`,
    `await runs.slice(0, 10)`. While the caller works on a page the next one is under way.
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
    ) -> None:
        _check(filters, order, per_page)
        if include_sweeps:
            raise UnsupportedError(
                "include_sweeps=True: this version knows a run's sweep by run.sweep_name only"
            )
        self._service = service
        self._path = path
        self._filters = jsonx.encode(dict(filters or {})).decode()
        self._order = order or DEFAULT_ORDER
        self._per_page = per_page
        self._lazy = lazy
        self._count: int | None = None
        self._pages = Paginator(self._fetch, name="asyncwb runs")

    def __repr__(self) -> str:
        return f"<Runs {self._path.entity or ''}/{self._path.project}>"

    def __aiter__(self) -> AsyncGenerator[Run, None]:
        return self.items()

    def items(self) -> AsyncGenerator[Run, None]:
        """Iterate over the runs; closing the iterator cancels what is in flight.

        Raises:
            RunNotFoundError: There is no such project.
            CommError: The server refused (a filter, an order) or was not reached.
        """
        return each(self.batches())

    @on_loop_iter
    async def batches(self) -> AsyncIterator[list[Run]]:
        """Iterate over pages of runs.

        Raises:
            CommError: As for `items`.
        """
        async with closing(self._pages.batches()) as pages:
            async for page in pages:
                yield page

    @property
    def more(self) -> bool:
        """Whether pages are left to ask for; True before the first."""
        return self._pages.more

    @property
    def cursor(self) -> str | None:
        """Cursor of the next page; None before the first."""
        return self._pages.cursor

    @on_loop
    async def length(self) -> int:
        """Number of runs that match, as the server counts them; loads a page if none is loaded.

        Raises:
            RunNotFoundError: There is no such project.
            CommError: The server refused or was not reached.
        """
        if self._count is None:
            await self._pages.page(0)
        return self._count if self._count is not None else self._pages.loaded

    @on_loop
    async def get(self, index: int) -> Run:
        """The run at a position, as `runs[index]` of the blocking face.

        Args:
            index: From 0; negative positions count from the end and load all pages.

        Raises:
            IndexError: There is none.
            CommError: The server refused or was not reached.
        """
        runs = await self._pages.take(index + 1 if index >= 0 else None)
        try:
            return runs[index]
        except IndexError:
            raise IndexError(f"run {index} of {len(runs)} runs") from None

    @on_loop
    async def slice(
        self, start: int | None = None, stop: int | None = None, step: int | None = None
    ) -> list[Run]:
        """The runs of a slice, as `runs[start:stop:step]` of the blocking face.

        Only the pages up to `stop` are loaded; a negative bound or step loads all of them.

        Raises:
            InvalidValueError: The step is 0.
            CommError: The server refused or was not reached.
        """
        if step == 0:
            raise InvalidValueError("a slice needs a step other than 0")
        bounded = (
            stop is not None and stop >= 0 and (start is None or start >= 0)
            and (step is None or step > 0)
        )  # fmt: skip
        runs = await self._pages.take(stop if bounded else None)
        return runs[start:stop:step]

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
        }
        operation = LIGHT_RUNS if self._lazy else RUNS
        answer = (await self._service.execute(operation, variables, lane="bulk")).project
        if answer is None:
            raise RunNotFoundError(f"Could not find project {entity}/{project}")
        self._count = answer.run_count
        if answer.runs is None:
            return Page([], None, more=False)
        runs = [
            Run(self._service, address_of(edge.node, entity, project), edge.node)
            for edge in answer.runs.edges
        ]
        info = answer.runs.page_info
        # The cursor of the last edge counts in this listing, as the wandb package has it.
        last = answer.runs.edges[-1].cursor if answer.runs.edges else info.end_cursor
        return Page(runs, last, info.has_next_page)


def _check(filters: object, order: object, per_page: int) -> None:
    if per_page < 1:
        raise InvalidValueError(f"per_page must be 1 or more, not {per_page}")
    if filters is not None and not isinstance(filters, Mapping):
        raise InvalidValueError(f"filters must be a dict, not {type(filters).__name__}")
    if order is not None and not isinstance(order, str):
        raise InvalidValueError(f"order must be a text such as '-created_at', not {order!r}")
    if order in ("+", "-"):
        raise InvalidValueError(f"order {order!r} names no key")
