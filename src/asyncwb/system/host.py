"""What the whole machine does: processors, memory, disks, network."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncwb.system.sample import Sample

__all__ = ["CoreReader", "read_disk_space", "read_disk_traffic", "read_network", "read_swap"]

_MIB = 1024**2
_GIB = 1024**3
_MAX_CORES = 64
"""On larger machines the cores would be most of every row."""
_NO_DISKS = ("loop", "ram", "zram")
_SYS = Path("/sys")
_PROC = Path("/proc")


class CoreReader:
    """Reads how busy each processor core was since the last look."""

    def __init__(self) -> None:
        self._last: list[tuple[float, float]] = []

    def read(self, into: Sample) -> None:
        """Add `cpu.N.cpu_percent`; nothing at the first look."""
        now = [_busy_and_total(core) for core in psutil.cpu_times(percpu=True)[:_MAX_CORES]]
        last, self._last = self._last, now
        for index, ((busy, total), (busy_before, total_before)) in enumerate(zip(now, last)):  # noqa: B905 - cores come and go
            if total > total_before:
                share = (busy - busy_before) / (total - total_before)
                into.rates[f"cpu.{index}.cpu_percent"] = 100 * min(max(share, 0.0), 1.0)


def _busy_and_total(times: Any) -> tuple[float, float]:
    # Linux counts the time of guests as time of users, too.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total


def read_swap(into: Sample) -> None:
    """Add `swap.` metrics, where there is swap space."""
    swap = psutil.swap_memory()
    if swap.total > 0:
        into.gauges["swap.used"] = float(swap.used)
        into.gauges["swap.used_percent"] = 100 * swap.used / swap.total


def read_disk_space(into: Sample, path: str) -> None:
    """Add how full the file system of a path is; nothing where the path does not exist."""
    try:
        usage = psutil.disk_usage(path)
    except FileNotFoundError:
        return
    reachable = usage.used + usage.free
    into.gauges[f"disk.{path}.usagePercent"] = 100 * usage.used / reachable if reachable else 0.0
    into.gauges[f"disk.{path}.usageGB"] = usage.used / _GIB


def read_disk_traffic(into: Sample) -> None:
    """Add MiB read from and written to each disk; partitions are in their disk."""
    # nowrap keeps a lock and all earlier values, for counters that overflow: none does today.
    for name, counters in psutil.disk_io_counters(perdisk=True, nowrap=False).items():
        if not name.startswith(_NO_DISKS) and _is_whole_disk(name):
            into.totals[f"disk.{name}.in"] = counters.read_bytes / _MIB
            into.totals[f"disk.{name}.out"] = counters.write_bytes / _MIB


def _is_whole_disk(name: str) -> bool:
    blocks = _SYS / "block"
    return not blocks.is_dir() or (blocks / name.replace("/", "!")).exists()


def read_network(into: Sample) -> None:
    """Add bytes sent and received by all interfaces, without the loopback ones."""
    sent = received = 0
    counters = psutil.net_io_counters(pernic=True, nowrap=False)
    for name in _outward(counters):
        sent += counters[name].bytes_sent
        received += counters[name].bytes_recv
    into.totals["network.sent"] = float(sent)
    into.totals["network.recv"] = float(received)
    retransmitted = _tcp_retransmits()
    if retransmitted is not None:
        into.totals["network.tcpRetransmits"] = float(retransmitted)


def _outward(names: Iterable[str]) -> list[str]:
    """Interfaces that lead out; what passes a member of a bridge or bond is counted there."""
    net = _SYS / "class" / "net"
    return [
        name
        for name in names
        if name not in ("lo", "lo0") and not os.path.lexists(net / name / "master")
    ]


def _tcp_retransmits() -> int | None:
    """TCP segments sent again, of Linux's table; None elsewhere."""
    try:
        lines = (_PROC / "self" / "net" / "snmp").read_text().splitlines()
    except OSError:
        return None
    tcp = [line.split() for line in lines if line.startswith("Tcp:")]
    if len(tcp) != 2:
        return None
    return int(dict(zip(*tcp, strict=False)).get("RetransSegs", 0))
