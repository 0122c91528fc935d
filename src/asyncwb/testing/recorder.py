"""What the code under test logged, read back from the server."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from asyncwb.errors import RunNotFoundError
from asyncwb.testing.blocking import call
from asyncwb.testing.live import live_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.api import Api
    from asyncwb.api import Run as ApiRun
    from asyncwb.types import Row

__all__ = ["RunRecorder"]

_FLUSH_SECONDS = 30.0


class RunRecorder:
    """The newest run of a test's project, for assertions.

    The code under test logs as ever (`asyncwb.init()`, `asyncwb.sync.init()`, `wandb.init()`, or
    a child process that does). Each look asks the server anew: rows that a live asyncwb run of
    this process has logged are sent first; a live run of the `wandb` package shows what it has
    sent, so finish it before asserting.

    All members block, in async tests as well, and may be used from any thread.

    Attributes:
        project: The project to look in; set it for code that names a project of its own.
    """

    def __init__(self, settings: Mapping[str, object], project: str) -> None:
        self.project = project
        self._settings = dict(settings)
        self._client: Api | None = None

    def history(self, keys: Sequence[str] | None = None) -> list[Row]:
        """Every row in step order, with `_step`, `_runtime` and `_timestamp`.

        Args:
            keys: Only these (and `_step`), and only rows that have all of them.

        Raises:
            AssertionError: No run was logged.
            CommError: The server was not reached, or refused a live run.
        """

        async def rows() -> list[Row]:
            run = await self._newest()
            return [row async for row in run.scan_history(keys)]

        return call(rows)

    @property
    def config(self) -> dict[str, Any]:
        """The config."""
        return dict(self._load().config)

    @property
    def summary(self) -> dict[str, Any]:
        """The summary: last values, and those that were set."""
        return dict(self._load().summary)

    @property
    def files(self) -> list[str]:
        """Names of the uploaded files, sorted."""

        async def names() -> list[str]:
            run = await self._newest()
            return sorted([file.name async for file in run.files()])

        return call(names)

    def read(self, name: str) -> bytes:
        """Content of one uploaded file."""

        async def content() -> bytes:
            return await (await (await self._newest()).file(name)).read()

        return call(content)

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed`, `crashed` ..."""
        return self._load().state

    @property
    def id(self) -> str:
        """Run id."""
        return self._load().id

    @property
    def name(self) -> str:
        """Display name."""
        return self._load().name or ""

    @property
    def tags(self) -> list[str]:
        """Tags."""
        return list(self._load().tags)

    @property
    def path(self) -> str:
        """`entity/project/id`, for `Api.run`."""
        run = self._load()
        return f"{run.entity}/{run.project}/{run.id}"

    @property
    def count(self) -> int:
        """Number of runs in the project; 0 when nothing was logged."""

        async def count() -> int:
            await _flush_live_runs()
            try:
                return await self._api().runs(self.project).length()
            except RunNotFoundError:
                return 0

        return call(count)

    def __repr__(self) -> str:
        """The project; asks nobody."""
        return f"<RunRecorder of {self.project}>"

    def _load(self) -> ApiRun:
        return call(self._newest)

    async def _newest(self) -> ApiRun:
        await _flush_live_runs()
        # The project comes into being with its first run.
        with suppress(RunNotFoundError):
            async for run in self._api().runs(self.project, order="-created_at", per_page=1):
                return run
        raise AssertionError(f"No run was logged to the project {self.project!r}.")

    def _api(self) -> Api:
        if self._client is None:
            from asyncwb.api import Api

            self._client = Api(self._settings)
        return self._client


async def _flush_live_runs() -> None:
    for run in live_runs():
        await run.flush(_FLUSH_SECONDS)
