"""What a live run is called and where it is: attributes that never wait."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from asyncwb.errors import ClosedError, ForkedError
from asyncwb.run.telemetry import Feature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncwb.run.config_static import ConfigStatic
    from asyncwb.run.core import RunCore
    from asyncwb.run.run import Run
    from asyncwb.settings import Settings
    from asyncwb.types import Mode

__all__ = ["RunAttributes"]


class LogNowait(Protocol):
    """`Run.log` as a plain call."""

    def __call__(
        self, row: Mapping[str, Any], step: int | None = None, commit: bool | None = None
    ) -> None:
        """Add a row."""
        ...


class RunAttributes:
    """Names and places of a run; `Run` adds what it does."""

    def __init__(self, core: RunCore) -> None:
        self._core = core
        # `log` as a plain call, for the blocking face: an attribute, to save a frame per row.
        self._log_nowait: LogNowait = core.history.log
        self._previous: Run | None = None
        self._pid = os.getpid()

    @property
    def id(self) -> str:
        """Id of the run, unique in its project."""
        return self._core.names.id

    @property
    def name(self) -> str | None:
        """Display name; None while the server alone knows it.

        Setting it writes through; without one ("" or None) a run goes by its id.
        """
        return self._core.names.name

    @name.setter
    def name(self, value: str | None) -> None:
        self._check_open()
        self._core.names.set_name(value)
        self._core.telemetry.use(Feature.SET_NAME)

    @property
    def notes(self) -> str | None:
        """Notes. Setting them writes through; "" or None empties them."""
        return self._core.names.notes

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._check_open()
        self._core.names.set_notes(value)

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags. Setting them writes through: `run.tags += ("x",)`; `()` empties them."""
        return self._core.names.tags

    @tags.setter
    def tags(self, value: Sequence[str] | None) -> None:
        self._check_open()
        self._core.names.set_tags(value)
        self._core.telemetry.use(Feature.SET_TAGS)

    @property
    def entity(self) -> str | None:
        """User or team; None while only the server would know it."""
        return self._core.names.entity

    @property
    def project(self) -> str:
        """Project."""
        return self._core.names.project

    @property
    def group(self) -> str | None:
        """Group."""
        return self._core.settings.run_group

    @property
    def job_type(self) -> str | None:
        """Job type."""
        return self._core.settings.run_job_type

    @property
    def sweep_id(self) -> str | None:
        """Sweep that the run belongs to."""
        return self._core.settings.sweep_id

    @property
    def path(self) -> str:
        """`entity/project/id`, without the entity while it is unknown."""
        parts = (self.entity, self.project, self.id)
        return "/".join(part for part in parts if part)

    @property
    def url(self) -> str | None:
        """Web page of the run; None until the server has answered."""
        return self._core.url

    @property
    def project_url(self) -> str | None:
        """Web page of the project; None until the server has answered."""
        url = self.url
        return None if url is None else url.rpartition("/runs/")[0]

    @property
    def sweep_url(self) -> str | None:
        """Web page of the sweep; None without one, and until the server has answered."""
        project, sweep = self.project_url, self.sweep_id
        if project is None or sweep is None:
            return None
        return f"{project}/sweeps/{quote(sweep.rpartition('/')[2], safe='')}"

    def get_url(self) -> str | None:
        """The same as `url`."""
        return self.url

    def get_project_url(self) -> str | None:
        """The same as `project_url`."""
        return self.project_url

    def get_sweep_url(self) -> str | None:
        """The same as `sweep_url`."""
        return self.sweep_url

    def project_name(self) -> str:
        """The same as `project`."""
        return self.project

    @property
    def sync_dir(self) -> str:
        """Folder of the run, as an absolute path: what `asyncwb sync` takes."""
        return str(self._core.folder.path)

    @property
    def dir(self) -> str:
        """Folder of the run's files, as an absolute path."""
        return str(self._core.folder.files_path)

    @property
    def mode(self) -> Mode:
        """Mode the run was started in."""
        return self._core.settings.mode

    @property
    def offline(self) -> bool:
        """Whether the run was started offline."""
        return self.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether the run was started disabled, and does nothing."""
        return self.mode == "disabled"

    @property
    def resumed(self) -> bool:
        """Whether the run continues one that the server had."""
        return self._core.resumed

    @property
    def step(self) -> int:
        """Step of the open row, or of the next one."""
        return self._core.history.step

    @property
    def starting_step(self) -> int:
        """Step of this run's first row; above 0 in a resumed run."""
        return self._core.starting_step

    @property
    def start_time(self) -> float:
        """Start of the run in Unix seconds."""
        return self._core.start_time

    @property
    def config_static(self) -> ConfigStatic:
        """A read-only copy of the config, as it is now."""
        from asyncwb.run.config_static import ConfigStatic

        return ConfigStatic(self._core.config.as_dict())

    @property
    def settings(self) -> Settings:
        """The settings of the run, frozen."""
        return self._core.settings

    @property
    def _forked(self) -> bool:
        return self._core.forked

    def _leave_to_parent(self) -> None:
        """In a forked child: every later use raises."""
        self._core.leave_to_parent()

    def _check_process(self) -> None:
        if self._core.forked or os.getpid() != self._pid:
            raise ForkedError(
                f"the run {self.path} belongs to the parent process; call init() in this one, or "
                "start it with 'spawn' or 'forkserver'"
            )

    def _check_open(self) -> None:
        self._check_process()
        if self._core.ended:
            raise ClosedError("this run is finished; start another one with init()")
