"""What a control group allows, from folders as the kernel has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asyncwb.system.limits import ControlGroup

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1024**3


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A process 7 in the group /pod/main of a machine that has both versions."""
    folder = tmp_path / "proc" / "7"
    folder.mkdir(parents=True)
    (folder / "cgroup").write_text("4:memory:/old\n0::/pod/main\n")
    (folder / "mountinfo").write_text(
        "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
        "30 22 0:25 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        f"31 22 0:26 / {tmp_path}/group rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    )
    (tmp_path / "group" / "pod" / "main").mkdir(parents=True)
    return tmp_path / "proc"


@pytest.fixture
def main(proc: Path) -> Path:
    return proc.parent / "group" / "pod" / "main"


def test_a_group_without_limits_has_the_machine(proc: Path, main: Path) -> None:
    (main / "cpu.max").write_text("max 100000\n")
    (main / "memory.max").write_text("max\n")
    (main / "memory.current").write_text(f"{GIB}\n")
    group = ControlGroup(7, proc)
    assert group.cores(64) == 64
    assert group.memory(256 * GIB, 200 * GIB) == (256 * GIB, 200 * GIB)
    assert group.totals() == {}


def test_the_tightest_limit_counts_wherever_it_is_set(proc: Path, main: Path) -> None:
    (main / "cpu.max").write_text("400000 100000\n")
    (main.parent / "cpu.max").write_text("150000 100000\n")
    for folder, limit in ((main, 16), (main.parent, 8)):
        (folder / "memory.max").write_text(f"{limit * GIB}\n")
        (folder / "memory.current").write_text(f"{5 * GIB}\n")
        (folder / "memory.stat").write_text(f"anon 1\ninactive_file {GIB}\nactive_file 2\n")
    group = ControlGroup(7, proc)
    assert group.cores(64) == 1.5
    # 8 GiB, of which 4 are in use and 1 holds files that can go.
    assert group.memory(256 * GIB, 200 * GIB) == (8 * GIB, 4 * GIB)
    # The machine itself may be short of memory.
    assert group.memory(256 * GIB, 2 * GIB) == (8 * GIB, 2 * GIB)


def test_a_limit_above_the_machine_is_none(proc: Path, main: Path) -> None:
    (main / "cpu.max").write_text("800000 100000\n")
    (main / "memory.max").write_text(f"{64 * GIB}\n")
    (main / "memory.current").write_text(f"{GIB}\n")
    group = ControlGroup(7, proc)
    assert group.cores(2) == 2
    assert group.memory(32 * GIB, 10 * GIB) == (32 * GIB, 10 * GIB)


def test_what_the_limits_did(proc: Path, main: Path) -> None:
    (main / "cpu.stat").write_text("usage_usec 5\nnr_periods 40\nnr_throttled 10\n")
    (main / "memory.events").write_text("low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n")
    assert ControlGroup(7, proc).totals() == {
        "nr_periods": 40, "nr_throttled": 10, "oom_kill": 2,
    }  # fmt: skip


@pytest.mark.parametrize("group", ["0::/../sibling\n", "0::/gone\n", "4:memory:/old\n", ""])
def test_a_group_that_cannot_be_seen_limits_nothing(proc: Path, group: str) -> None:
    (proc / "7" / "cgroup").write_text(group)
    (proc.parent / "group" / "cpu.max").write_text("50000 100000\n")
    assert ControlGroup(7, proc).cores(4) == 4


def test_no_procfs_is_no_trouble(tmp_path: Path) -> None:
    group = ControlGroup(1, tmp_path)
    assert (group.cores(4), group.memory(9, 5), group.totals()) == (4, (9, 5), {})
