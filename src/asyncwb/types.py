"""Public types. No logic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003 - the aliases are resolved at runtime
from enum import Enum
from typing import Literal, Protocol, TypeAlias

__all__ = [
    "JSON",
    "AlertLevel",
    "FileKind",
    "FilePolicy",
    "Mode",
    "Reinit",
    "ResponseLike",
    "Resume",
    "Row",
]

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
"""A value that JSON can hold; floats may also be NaN or infinite."""

Row: TypeAlias = "dict[str, JSON]"
"""One history row as read back: `_step`, `_timestamp`, `_runtime` and the logged keys."""

Mode: TypeAlias = Literal["online", "offline", "disabled", "shared"]
Resume: TypeAlias = Literal["allow", "must", "never", "auto"]
Reinit: TypeAlias = Literal["create_new", "finish_previous", "return_previous", "default"]

FilePolicy: TypeAlias = Literal["now", "end", "live"]
"""When a file of a run is uploaded: at once, at the end of the run, or at each change."""

FileKind: TypeAlias = Literal["other", "wandb", "media", "artifact"]
"""What a file of a run is: the user's, the run's own, of a logged value, of an artifact."""


class AlertLevel(Enum):
    """How much an alert matters."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class ResponseLike(Protocol):
    """What `CommError.response` offers."""

    @property
    def status(self) -> int:
        """HTTP status code."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, names in lower case."""
        ...

    @property
    def body(self) -> bytes:
        """The body, decoded from any content encoding."""
        ...
