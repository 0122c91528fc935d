"""What is known of a run without asking the server again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

import msgspec

from asyncwb import jsonx
from asyncwb.api.summary import Summary
from asyncwb.api.user import User
from asyncwb.errors import UsageError
from asyncwb.graphql.api_operations import UPDATE_SUMMARY

if TYPE_CHECKING:
    from asyncwb.api.history import RunAddress
    from asyncwb.graphql.api_answers import RunNode
    from asyncwb.graphql.service import Service

__all__ = ["RESERVED", "RunFields"]

T = TypeVar("T")

RESERVED = frozenset({"_wandb", "wandb_version"})
"""Keys of the config that are the client's own."""


class RunFields:
    """The fields of a run, as of its last load; `Run` adds what asks the server."""

    def __init__(self, service: Service, address: RunAddress, node: RunNode) -> None:
        self._service = service
        self._address = address
        self._take(node)

    def _take(self, node: RunNode) -> None:
        self._node = node
        self.name: str | None = node.display_name
        """Display name; can be changed."""
        self.notes: str | None = node.notes
        """Notes; can be changed."""
        self.description: str | None = node.description
        """Older form of the notes; can be changed."""
        self.tags: list[str] = list(node.tags or [])
        """Tags; can be changed."""
        self.group: str | None = node.group
        """Group; can be changed."""
        self.job_type: str | None = node.job_type
        """Job type; can be changed."""
        self._rawconfig: dict[str, Any] | None = None
        self._config: dict[str, Any] | None = None
        self._summary: Summary | None = None
        if node.config is not msgspec.UNSET:
            self._rawconfig = unwrap_config(node.config)
            self._config = {k: v for k, v in self._rawconfig.items() if k not in RESERVED}
        if node.summary_metrics is not msgspec.UNSET:
            self._summary = Summary(json_object(node.summary_metrics), self._write_summary)

    def __repr__(self) -> str:
        return f"<Run {self._address} ({self.state})>"

    @property
    def id(self) -> str:
        """Run id, the last part of the path."""
        return self._address.run_id

    @property
    def entity(self) -> str:
        """User or team that owns the project."""
        return self._address.entity

    @property
    def project(self) -> str:
        """Project."""
        return self._address.project

    @property
    def path(self) -> list[str]:
        """Entity, project and id, percent-encoded."""
        return [quote(part, safe="") for part in self._address]

    @property
    def url(self) -> str:
        """Address of the run's web page."""
        entity, project, run_id = self.path
        return f"{self._service.settings.web_url}/{entity}/{project}/runs/{run_id}"

    @property
    def storage_id(self) -> str:
        """Opaque id that the server's mutations use."""
        return self._node.id

    @property
    def state(self) -> str:
        """running, finished, failed, crashed, killed, pending ..., as of the last load."""
        return self._node.state or ""

    @property
    def user(self) -> User | None:
        """Who started it; the two names only."""
        return None if self._node.user is None else User(self._service, self._node.user)

    @property
    def created_at(self) -> str:
        """ISO time, UTC."""
        return self._node.created_at

    @property
    def heartbeat_at(self) -> str | None:
        """ISO time, UTC, of the last sign of life."""
        return self._node.heartbeat_at

    @property
    def sweep_name(self) -> str | None:
        """Id of the sweep it belongs to."""
        return self._node.sweep_name

    @property
    def commit(self) -> str | None:
        """Git commit."""
        return self._node.commit

    @property
    def read_only(self) -> bool:
        """Whether this account may not change it."""
        return bool(self._node.read_only)

    @property
    def history_line_count(self) -> int:
        """Number of rows of history, as of the last load."""
        return self._node.history_line_count or 0

    @property
    def lazy(self) -> bool:
        """Whether config, summary and the like are still missing."""
        return self._config is None

    @property
    def config(self) -> dict[str, Any]:  # sync: lazy
        """Configuration without the reserved keys; change it and `await run.update()`.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return self._loaded(self._config, "config")

    @property
    def rawconfig(self) -> dict[str, Any]:  # sync: lazy
        """Configuration with the reserved keys, as of the last load.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return self._loaded(self._rawconfig, "rawconfig")

    @property
    def summary(self) -> Summary:  # sync: lazy
        """Last values; change them and `await run.summary.update()`.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return self._loaded(self._summary, "summary")

    @property
    def summary_metrics(self) -> dict[str, Any]:  # sync: lazy
        """A copy of the summary as a dict.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return dict(self.summary)

    @property
    def system_metrics(self) -> dict[str, Any]:  # sync: lazy
        """Newest sample of the system metrics.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        node = self._node.system_metrics
        return self._loaded(None if node is msgspec.UNSET else json_object(node), "system_metrics")

    @property
    def history_keys(self) -> dict[str, Any]:  # sync: lazy
        """What the server knows of the history: `lastStep`, and types and counts of the `keys`.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        node = self._node.history_keys
        return self._loaded(None if node is msgspec.UNSET else (node or {}), "history_keys")

    @property
    def last_history_step(self) -> int:  # sync: lazy
        """Step of the last row, -1 without rows, as of the last load.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return int(self.history_keys.get("lastStep", -1))

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - the wandb package's name  # sync: lazy
        """Another name of `last_history_step`."""
        return self.last_history_step

    async def _write_summary(self, values: dict[str, Any]) -> None:
        text = jsonx.encode(values).decode()
        await self._service.execute(UPDATE_SUMMARY, {"id": self.storage_id, "summary": text})

    def _loaded(self, value: T | None, name: str) -> T:
        if value is None:
            raise UsageError(
                f"{self!r} was listed with lazy=True and has no {name} yet: await run.load()"
            )
        return value


def json_object(text: str | None) -> dict[str, Any]:
    """Read a JSON text that should hold an object."""
    value = jsonx.decode(text) if text else None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def unwrap_config(text: str | None) -> dict[str, Any]:
    """Read a config: `{key: {"value": ..., "desc": ...}}`; older writers leave that out."""
    return {key: _value(item) for key, item in json_object(text).items()}


def _value(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    member = cast("dict[str, Any]", item)
    return member.get("value", member)
