"""Where a run is."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["RunAddress"]


class RunAddress(NamedTuple):
    """Entity, project and id of a run."""

    entity: str
    project: str
    run_id: str

    def __str__(self) -> str:
        return "/".join(self)

    @property
    def variables(self) -> dict[str, object]:
        """The address as the operations name it."""
        return {"entity": self.entity, "project": self.project, "name": self.run_id}
