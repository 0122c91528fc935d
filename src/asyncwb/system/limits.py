"""Limits of a container: what the control group (version 2) of a process allows it.

In a container the whole machine is the wrong measure: a process that uses all that it may have
uses 100 %.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["ControlGroup"]


class ControlGroup:
    """The control group of one process and those above it.

    Args:
        pid: The process.
        proc: Where procfs is mounted.
    """

    def __init__(self, pid: int, proc: Path = Path("/proc")) -> None:
        self._folders = _folders(proc / str(pid))

    def cores(self, machine: int) -> float:
        """Processor cores that the group may use at once, at most those of the machine."""
        allowed = [float(machine)]
        for folder in self._folders:
            quota, _, period = _read(folder / "cpu.max").partition(" ")
            if quota.isdigit() and period.isdigit():
                allowed.append(int(quota) / int(period))
        return max(min(allowed), 0.01)

    def memory(self, total: int, available: int) -> tuple[int, int]:
        """Bytes of memory that the group may use, and that it could still get."""
        for folder in self._folders:
            limit = _read(folder / "memory.max")
            current = _read(folder / "memory.current")
            if limit.isdigit() and current.isdigit() and int(limit) < total:
                # Files that nobody used for a while are given back before anybody is refused.
                idle = _fields(folder / "memory.stat").get("inactive_file", 0)
                total = int(limit)
                available = min(available, max(0, total - int(current) + idle))
        return total, available

    def totals(self) -> dict[str, float]:
        """What the limits did so far: periods, throttled periods, processes killed."""
        if not self._folders:
            return {}
        own = self._folders[0]
        cpu, events = _fields(own / "cpu.stat"), _fields(own / "memory.events")
        fields = {**cpu, **events}
        wanted = ("nr_periods", "nr_throttled", "oom_kill")
        return {name: float(fields[name]) for name in wanted if name in fields}


def _folders(process: Path) -> list[Path]:
    """Folders of the group and of those above it, as far as they are visible; innermost first."""
    root = _mount(process / "mountinfo")
    for line in _read(process / "cgroup").splitlines():
        if line.startswith("0::/") and root is not None:
            group = root / line[4:]
            # A path that leads out of the mount belongs to a group that cannot be seen.
            if ".." in group.parts or not group.is_dir():
                return []
            return [folder for folder in (group, *group.parents) if folder.is_relative_to(root)]
    return []


def _mount(mountinfo: Path) -> Path | None:
    for line in _read(mountinfo).splitlines():
        place, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return Path(place.split()[4])
    return None


def _fields(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in _read(path).splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""
