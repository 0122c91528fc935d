"""What is known of a run without asking the server again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast
from urllib.parse import quote

import msgspec

from asyncwb import jsonx
from asyncwb.api.summary import Summary
from asyncwb.api.user import User
from asyncwb.errors import UsageError
from asyncwb.graphql.api_operations import UPDATE_SUMMARY

if TYPE_CHECKING:
    from collections.abc import Callable

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
        # Read from their texts when they are asked for, by whoever asks: listings are long.
        self._made: dict[str, Any] = {}

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
        return self._node.config is msgspec.UNSET

    @property
    def config(self) -> dict[str, Any]:  # sync: lazy
        """Configuration without the reserved keys; change it and `await run.update()`.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return self._once("config", lambda: _without_reserved(self.rawconfig))

    @property
    def rawconfig(self) -> dict[str, Any]:  # sync: lazy
        """Configuration with the reserved keys, as of the last load.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return self._once("rawconfig", lambda: unwrap_config(self._text("config")))

    @property
    def summary(self) -> Summary:  # sync: lazy
        """Last values; change them and `await run.summary.update()`.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return self._once("summary", self._read_summary)

    @property
    def summary_metrics(self) -> dict[str, Any]:  # sync: lazy
        """A copy of the summary as a dict.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return self.summary._values.copy()  # pyright: ignore[reportPrivateUsage]

    @property
    def system_metrics(self) -> dict[str, Any]:  # sync: lazy
        """Newest sample of the system metrics.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        return json_object(self._text("system_metrics"))

    @property
    def history_keys(self) -> dict[str, Any]:  # sync: lazy
        """What the server knows of the history: `lastStep`, and types and counts of the `keys`.

        Raises:
            UsageError: The run is lazy; `await run.load()` first.
        """
        node = self._node.history_keys
        if node is msgspec.UNSET:
            raise self._is_missing("history_keys")
        return node or {}

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

    def _once(self, name: str, make: Callable[[], T]) -> T:
        """What is made when it is first asked for; threads that ask at once get the same."""
        found: T | None = self._made.get(name)
        return self._made.setdefault(name, make()) if found is None else found

    def _read_summary(self) -> Summary:
        return Summary(json_object(self._text("summary_metrics")), self._write_summary)

    def _text(self, name: Literal["config", "summary_metrics", "system_metrics"]) -> str | None:
        text: str | msgspec.UnsetType | None = getattr(self._node, name)
        if text is msgspec.UNSET:
            raise self._is_missing(name)
        return text

    def _is_missing(self, name: str) -> UsageError:
        return UsageError(
            f"{self!r} was listed with lazy=True and has no {name} yet: await run.load()"
        )


def json_object(text: str | None) -> dict[str, Any]:
    """Read a JSON text that should hold an object."""
    value = jsonx.decode(text) if text else None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def unwrap_config(text: str | None) -> dict[str, Any]:
    """Read a config: `{key: {"value": ..., "desc": ...}}`; older writers leave that out."""
    return {
        key: item["value"] if type(item) is dict and "value" in item else item
        for key, item in json_object(text).items()
    }


def _without_reserved(config: dict[str, Any]) -> dict[str, Any]:
    found = config.copy()
    for key in RESERVED:
        found.pop(key, None)
    return found
