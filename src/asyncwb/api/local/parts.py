"""Which rows of which journal make a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from asyncwb.journal.places import Places

__all__ = ["Part"]


class Part(NamedTuple):
    """Rows of one folder.

    Attributes:
        journal: The file.
        step_shift: What is added to each `_step`.
        runtime_shift: What is added to each `_runtime`.
        stop: Only rows before this step count: a later folder rewound the run.
        places: Where the records of the file are, as far as is known.
    """

    journal: Path
    step_shift: int
    runtime_shift: float
    stop: int | None
    places: Places | None = None
