"""What the process of a run uses, alone or with its descendants."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from asyncwb.system.sample import Sample

__all__ = ["ProcessReader"]

_MIB = 1024 * 1024


class ProcessReader:
    """Reads one process.

    Args:
        pid: The process.
        tree: Whether its descendants are added: helpers of a data loader, for example.
    """

    def __init__(self, pid: int, *, tree: bool) -> None:
        self._pid = pid
        self._tree = tree
        self._root: psutil.Process | None = None
        # Processor seconds of each process at the last look, and when that was.
        self._spent: dict[psutil.Process, float] | None = None
        self._looked = 0.0

    def pids(self) -> set[int]:
        """Ids of the process and of all its descendants."""
        root = self._process()
        return {self._pid, *(child.pid for child in root.children(recursive=True))}

    def read(self, into: Sample, *, cores: float, memory_bytes: int) -> None:
        """Add `cpu` and `proc.` metrics.

        Args:
            into: Where to.
            cores: Processor cores that are 100 %.
            memory_bytes: Memory that is 100 %.

        Raises:
            psutil.Error: The process is gone or may not be looked at.
        """
        root = self._process()
        members = [root, *root.children(recursive=True)] if self._tree else [root]
        spent: dict[psutil.Process, float] = {}
        rss = threads = 0
        for process in members:
            try:
                with process.oneshot():
                    times = process.cpu_times()
                    rss += process.memory_info().rss
                    threads += process.num_threads()
            except psutil.Error:
                if process is root:
                    raise
                continue  # a child that has just ended
            spent[process] = times.user + times.system
        self._add_cpu(into, spent, cores)
        into.gauges["proc.memory.rssMB"] = rss / _MIB
        into.gauges["proc.memory.percent"] = 100 * rss / memory_bytes
        into.gauges["proc.cpu.threads"] = float(threads)

    def _add_cpu(self, into: Sample, spent: dict[psutil.Process, float], cores: float) -> None:
        now = perf_counter()
        before, seconds = self._spent, now - self._looked
        self._spent, self._looked = spent, now
        if before is not None and seconds > 0:
            # A process that was not there at the last look began after it.
            used = sum(total - before.get(process, 0.0) for process, total in spent.items())
            into.rates["cpu"] = 100 * max(0.0, used) / seconds / cores

    def _process(self) -> psutil.Process:
        if self._root is None:
            self._root = psutil.Process(self._pid)
        return self._root
