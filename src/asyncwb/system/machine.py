"""A sample of everything there is on this machine. Imports psutil: in the sampler alone."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import psutil

from asyncwb.system.host import (
    CoreReader,
    read_disk_space,
    read_disk_traffic,
    read_network,
    read_swap,
)
from asyncwb.system.limits import ControlGroup
from asyncwb.system.nvidia import open_gpus
from asyncwb.system.process import ProcessReader
from asyncwb.system.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from asyncwb.system.options import SampleOptions

__all__ = ["Machine"]

log = logging.getLogger("asyncwb.system")

_MIB = 1024**2


class Machine:
    """Takes samples; used by one thread.

    Args:
        options: What is sampled.
    """

    def __init__(self, options: SampleOptions) -> None:
        self._group = ControlGroup(options.pid)
        self._process = ProcessReader(options.pid, tree=options.process_tree)
        self._gpus = open_gpus(options.gpu_device_ids, self._process.pids)
        self._last_totals: dict[str, float] = {}
        self._failed: set[str] = set()
        self._readers: dict[str, Callable[[Sample], None]] = {
            "cores": CoreReader().read,
            "memory and process": self._read_memory,
            "swap": read_swap,
            "limits": self._read_limits,
            "disk traffic": read_disk_traffic,
            "network": read_network,
        }
        for path in options.disk_paths:
            self._readers[f"disk {path}"] = partial(read_disk_space, path=path)
        if self._gpus is not None:
            self._readers["GPUs"] = self._gpus.read

    def sample(self) -> Sample:
        """Look at everything. What cannot be read is left out; nothing is raised."""
        sample = Sample()
        for name, read in self._readers.items():
            try:
                read(sample)
            except Exception as exc:  # noqa: BLE001 - a driver or sandbox may answer anything
                if name not in self._failed:
                    self._failed.add(name)
                    log.debug("no system metrics of %s: %r", name, exc)
        return sample

    def close(self) -> None:
        """Let the drivers go."""
        if self._gpus is not None:
            self._gpus.close()

    def _read_memory(self, into: Sample) -> None:
        memory = psutil.virtual_memory()
        total, available = self._group.memory(memory.total, memory.available)
        into.gauges["memory_percent"] = 100 * (1 - available / total)
        into.gauges["proc.memory.availableMB"] = available / _MIB
        cores = self._group.cores(psutil.cpu_count() or 1)
        self._process.read(into, cores=cores, memory_bytes=total)

    def _read_limits(self, into: Sample) -> None:
        now = self._group.totals()
        last, self._last_totals = self._last_totals, now
        periods = now.get("nr_periods", 0) - last.get("nr_periods", 0)
        if last and periods > 0:
            throttled = now["nr_throttled"] - last["nr_throttled"]
            into.rates["proc.cpu.throttledPercent"] = 100 * throttled / periods
        if "oom_kill" in now:
            into.totals["proc.memory.oomKills"] = now["oom_kill"]
