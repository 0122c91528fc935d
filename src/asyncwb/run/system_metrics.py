"""System metrics of a live run: its place at the sampler of the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncwb.run.nulls import RunJournal
    from asyncwb.settings import Settings
    from asyncwb.system import Member

__all__ = ["SystemMetrics"]


class SystemMetrics:
    """Rows of system metrics in the journal of one run, from `start` to `stop`.

    Args:
        settings: Whether, what and how often.
        journal: Where the rows go.
    """

    __slots__ = ("_journal", "_member", "_settings")

    def __init__(self, settings: Settings, journal: RunJournal) -> None:
        self._settings = settings
        self._journal = journal
        self._member: Member | None = None

    def start(self) -> None:
        """Begin; returns at once. The first row comes soon, from another thread."""
        settings = self._settings
        if settings.disable_stats or settings.mode == "disabled":
            return
        from asyncwb.system import SAMPLER, Member, SampleOptions

        options = SampleOptions(
            interval_seconds=settings.stats_sampling_interval,
            pid=settings.stats_pid or os.getpid(),
            process_tree=settings.stats_track_process_tree,
            disk_paths=settings.stats_disk_paths,
            gpu_device_ids=settings.stats_gpu_device_ids,
        )
        self._member = Member(
            options,
            append=self._journal.append,
            append_quietly=self._journal.append_quietly,
            label=settings.label,
        )
        SAMPLER.add(self._member)

    def stop(self) -> None:
        """Write no more rows; returns at once."""
        member, self._member = self._member, None
        if member is not None:
            from asyncwb.system import SAMPLER

            SAMPLER.remove(member)

    def leave_to_parent(self) -> None:
        """In a forked child: the samples are the parent's."""
        self._member = None
