"""The machine, as the operating system and NVML describe it."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from asyncwb.journal.environment_records import EnvironmentRecord
from asyncwb.journal.metadata import environment_tree
from asyncwb.run.environment import machine


def tree(facts: dict[str, Any]) -> dict[str, Any]:
    return environment_tree(EnvironmentRecord(**facts))


def test_this_machine() -> None:
    found = tree(machine.machine_facts())
    assert found["cpu_count_logical"] == os.cpu_count()
    assert 1 <= found["cpu_count"] <= found["cpu_count_logical"]
    assert int(found["memory"]["total"]) > 2**20
    (disk,) = found["disk"].values()
    assert 0 < int(disk["used"]) <= int(disk["total"])
    assert sys.platform.capitalize()[:5] in found["os"]


CPUINFO = """processor\t: 0
model name\t: Example CPU
physical id\t: 0
core id\t\t: 0

processor\t: 1
model name\t: Example CPU
physical id\t: 0
core id\t\t: 0

processor\t: 2
model name\t: Example CPU
physical id\t: 1
core id\t\t: 0
"""


def test_hyperthreads_are_one_core(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(CPUINFO)
    monkeypatch.setattr(machine, "_CPUINFO", path)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    found = tree(machine.machine_facts())
    assert (found["cpu_count"], found["cpu_count_logical"]) == (2, 3)
    assert found["cpu"] == {"model": "Example CPU"}


class FakeNvmlError(Exception):
    pass


def nvml(count: int, **replaced: Any) -> SimpleNamespace:
    """The part of pynvml that is used, over two GPUs."""

    def refuse(handle: int) -> int:
        raise FakeNvmlError

    calls: dict[str, Any] = {
        "NVMLError": FakeNvmlError,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: count,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetName": lambda handle: b"NVIDIA H100 80GB HBM3",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=85520809984),
        "nvmlDeviceGetNumGpuCores": refuse,
        "nvmlDeviceGetArchitecture": lambda handle: 9,
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}",
        "nvmlSystemGetCudaDriverVersion": lambda: 12040,
        **replaced,
    }
    return SimpleNamespace(**calls)


def test_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", nvml(2))
    found = tree(machine.machine_facts())
    assert (found["gpu"], found["gpu_count"]) == ("NVIDIA H100 80GB HBM3", 2)
    assert found["cudaVersion"] == "12.4"
    assert found["gpu_nvidia"][1] == {
        "name": "NVIDIA H100 80GB HBM3",
        "memoryTotal": "85520809984",
        "architecture": "Hopper",
        "uuid": "GPU-1",
    }


def broken() -> None:
    raise FakeNvmlError


@pytest.mark.parametrize(
    "module", [None, nvml(0), nvml(1, nvmlInit=broken), nvml(1, nvmlDeviceGetCount=broken)]
)
def test_no_gpu_and_no_driver(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", module)
    found = tree(machine.machine_facts())
    assert not {"gpu", "gpu_count", "gpu_nvidia", "cudaVersion"} & found.keys()
    assert "memory" in found


def test_a_probe_that_fails_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str) -> None:
        raise OSError(path)

    monkeypatch.setattr("shutil.disk_usage", fail)
    found = tree(machine.machine_facts())
    assert "disk" not in found
    assert "memory" in found
