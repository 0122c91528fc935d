"""Samples of the real machine, against what other tools of the system say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("psutil")

import psutil

from asyncwb.system import host
from asyncwb.system.machine import Machine
from asyncwb.system.options import SampleOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and /sys")

WORKER = """
import subprocess, sys
held = bytearray(b"x" * (64 << 20))
idle = "import time; print('up', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", idle])
print("up", flush=True)
while True:
    pass
"""


@pytest.fixture
def worker() -> Iterator[int]:
    """A process that is busy, holds 64 MiB and has a child that does nothing."""
    command = [sys.executable, "-c", WORKER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        for _ in range(2):
            assert process.stdout.readline() == b"up\n"
        yield process.pid
        os.killpg(process.pid, 9)


def second_sample(options: SampleOptions, *, busy: bool = True) -> Any:
    """The sample after one in which a process used time."""
    machine = Machine(options)
    machine.sample()
    if busy:
        process = psutil.Process(options.pid)
        begin = process.cpu_times().user
        deadline = time.monotonic() + 30
        while process.cpu_times().user < begin + 0.2:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    return machine.sample()


def test_the_first_sample_has_no_rates() -> None:
    sample = Machine(SampleOptions()).sample()
    assert sample.rates == {}
    assert sample.gauges["memory_percent"] > 0


def test_the_process_that_is_watched(worker: int) -> None:
    sample = second_sample(SampleOptions(pid=worker))
    gauges = sample.gauges
    assert gauges["proc.memory.rssMB"] == pytest.approx(
        psutil.Process(worker).memory_info().rss / 2**20, rel=0.1
    )
    assert gauges["proc.memory.rssMB"] > 64
    assert gauges["proc.cpu.threads"] == 1
    assert 0 < sample.rates["cpu"] <= 110 / (os.cpu_count() or 1)


def test_the_process_with_its_descendants(worker: int) -> None:
    alone = second_sample(SampleOptions(pid=worker)).gauges
    tree = second_sample(SampleOptions(pid=worker, process_tree=True)).gauges
    assert tree["proc.cpu.threads"] == 2
    assert tree["proc.memory.rssMB"] > alone["proc.memory.rssMB"] + 3
    assert tree["proc.memory.percent"] > alone["proc.memory.percent"]


def test_a_process_that_is_gone_leaves_the_rest() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    sample = second_sample(SampleOptions(pid=process.pid), busy=False)
    assert not any(name.startswith("proc.cpu.") for name in sample.gauges)
    assert "cpu" not in sample.rates
    assert "disk./.usageGB" in sample.gauges


def test_disks_are_as_full_as_the_system_says(tmp_path: Path) -> None:
    paths = ("/", str(tmp_path), "/no/such/place")
    gauges = Machine(SampleOptions(disk_paths=paths)).sample().gauges
    for path in paths[:2]:
        usage = shutil.disk_usage(path)
        assert gauges[f"disk.{path}.usageGB"] == pytest.approx(usage.used / 2**30, rel=0.02)
        assert gauges[f"disk.{path}.usagePercent"] == pytest.approx(
            100 * usage.used / (usage.used + usage.free), rel=0.02
        )
    assert not any("/no/such/place" in name for name in gauges)


@linux
def test_memory_of_the_machine() -> None:
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    available = int(fields["MemAvailable"].split()[0]) / 1024
    gauges = Machine(SampleOptions()).sample().gauges
    # A control group may allow less than the machine has.
    assert gauges["proc.memory.availableMB"] <= available * 1.2


@linux
def test_disks_are_counted_once_and_memory_disks_never() -> None:
    totals = Machine(SampleOptions()).sample().totals
    names = {name.split(".")[1] for name in totals if name.startswith("disk.")}
    real = {name.replace("!", "/") for name in os.listdir("/sys/block")}
    assert names <= {name for name in real if not name.startswith(("loop", "ram", "zram"))}


@linux
def test_loopback_and_members_of_a_bridge_are_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("eth0", "docker0", "veth1", "lo"):
        (tmp_path / "class" / "net" / name).mkdir(parents=True)
    (tmp_path / "class" / "net" / "veth1" / "master").symlink_to("../docker0")
    monkeypatch.setattr(host, "_SYS", tmp_path)
    counters = {
        name: psutil.net_io_counters()._replace(bytes_sent=sent, bytes_recv=2 * sent)
        for name, sent in {"eth0": 1, "docker0": 20, "veth1": 300, "lo": 4000}.items()
    }
    monkeypatch.setattr(psutil, "net_io_counters", lambda **_: counters)
    totals = Machine(SampleOptions()).sample().totals
    assert (totals["network.sent"], totals["network.recv"]) == (21, 42)


@linux
def test_segments_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "self" / "net" / "snmp"
    table.parent.mkdir(parents=True)
    table.write_text("Ip: A B\nIp: 1 2\nTcp: InSegs RetransSegs\nTcp: 5 17\n")
    monkeypatch.setattr(host, "_PROC", tmp_path)
    assert Machine(SampleOptions()).sample().totals["network.tcpRetransmits"] == 17
    table.unlink()
    assert "network.tcpRetransmits" not in Machine(SampleOptions()).sample().totals


def test_swap_is_told_where_there_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    swap = psutil.swap_memory()._replace(total=4 << 30, used=1 << 30)
    monkeypatch.setattr(psutil, "swap_memory", lambda: swap)
    gauges = Machine(SampleOptions()).sample().gauges
    assert gauges["swap.used"] == 1 << 30
    assert gauges["swap.used_percent"] == 25
    monkeypatch.setattr(psutil, "swap_memory", lambda: swap._replace(total=0, used=0))
    assert "swap.used" not in Machine(SampleOptions()).sample().gauges


def test_a_sandbox_that_forbids_everything_gives_an_empty_sample(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def forbidden(*_: object, **__: object) -> Any:
        raise PermissionError("not here")

    for name in ("cpu_times", "virtual_memory", "swap_memory", "disk_usage", "disk_io_counters"):
        monkeypatch.setattr(psutil, name, forbidden)
    monkeypatch.setattr(psutil, "net_io_counters", forbidden)
    machine = Machine(SampleOptions())
    with caplog.at_level("DEBUG", "asyncwb.system"):
        for _ in range(3):
            sample = machine.sample()
    assert (sample.gauges, sample.rates) == ({}, {})
    told = [record for record in caplog.records if "not here" in record.getMessage()]
    # Each once, and none above debug.
    assert len(told) == len({record.getMessage() for record in told}) >= 5
    assert {record.levelname for record in told} == {"DEBUG"}


def test_cores_are_between_idle_and_busy(worker: int) -> None:
    rates = second_sample(SampleOptions(pid=worker)).rates
    cores = [rates[name] for name in rates if name.endswith(".cpu_percent")]
    assert len(cores) >= 1
    assert all(0 <= percent <= 100 for percent in cores)
    assert max(cores) > 0
