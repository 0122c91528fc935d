"""Who writes a run: alone, or one of several processes ("shared mode").

The journal says it, so that a later `asyncwb sync` goes on as the same writer: a server numbers the
lines of each writer by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Headers", "Writer"]

Headers: TypeAlias = "dict[str, str]"


class Writer(msgspec.Struct, kw_only=True):
    """One writer of a run.

    Attributes:
        id: Unique among the writers of all runs.
        shared: Whether the run may have other writers.
        label: Its name among them.
        primary: Whether it describes the run: program, metadata, summary and config files.
        ends_run: Whether the run ends with it.
    """

    id: str = ""
    shared: bool = False
    label: str = ""
    primary: bool = True
    ends_run: bool = True

    def load(self, found: Mapping[str, object]) -> None:
        """Take over what the journal says; the names are those of the SDK's settings."""
        self.id = str(found.get("writer_id") or self.id)
        self.shared = self.shared or found.get("mode") == "shared"
        self.label = str(found.get("x_label") or self.label)
        self.primary = bool(found.get("x_primary", self.primary))
        self.ends_run = bool(found.get("x_update_finish_state", self.ends_run))

    @property
    def graphql_headers(self) -> Headers:
        """What tells a server to keep this writer's part of the run apart."""
        return self._headers("X-Wandb-Client-Id")

    @property
    def stream_headers(self) -> Headers:
        """The same, for file-stream requests."""
        return self._headers("X-Wandb-Async-Client-Id")

    def _headers(self, name: str) -> Headers:
        if not self.shared or not self.id:
            return {}
        return {"X-Wandb-Use-Async-Filestream": "true", name: self.id}
