"""The machine: processors, memory, disk, GPUs. Blocks; never raises."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asyncwb.journal.environment_records import Cpu, Disk, GpuNvidia, Memory

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["machine_facts"]

_CPUINFO = Path("/proc/cpuinfo")
# Names of NVML's numbers for architectures.
_ARCHITECTURES = {
    2: "Kepler",
    3: "Maxwell",
    4: "Pascal",
    5: "Volta",
    6: "Turing",
    7: "Ampere",
    8: "Ada",
    9: "Hopper",
    10: "Blackwell",
}


def machine_facts() -> dict[str, Any]:
    """Members of an `EnvironmentRecord`; what cannot be found out is missing."""
    facts: dict[str, Any] = {}
    for probe in (_system, _processors, _memory, _disk, _gpus):
        # A probe meets broken drivers and odd platforms; a run must not notice.
        with contextlib.suppress(Exception):
            facts |= probe()
    return facts


def _system() -> dict[str, Any]:
    return {"os": platform.platform(aliased=True)}


def _processors() -> dict[str, Any]:
    text = _CPUINFO.read_text(errors="replace") if _CPUINFO.exists() else ""
    blocks = [_fields(block) for block in text.split("\n\n") if block.strip()]
    cores = {(block.get("physical id"), block.get("core id")) for block in blocks}
    logical = os.cpu_count() or 0
    physical = len(cores) if blocks and "core id" in blocks[0] else _physical_cores() or logical
    model = next((b["model name"] for b in blocks if b.get("model name")), platform.processor())
    return {"cpu_count": physical, "cpu_count_logical": logical, "cpu": Cpu(model=model)}


def _fields(block: str) -> dict[str, str]:
    lines = (line.partition(":") for line in block.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _physical_cores() -> int | None:
    try:
        import psutil  # pyright: ignore[reportMissingModuleSource]
    except ImportError:
        return None
    count: int | None = psutil.cpu_count(logical=False)
    return count


def _memory() -> dict[str, Any]:
    if hasattr(os, "sysconf"):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        import psutil  # pyright: ignore[reportMissingModuleSource]

        total = psutil.virtual_memory().total
    return {"memory": Memory(total=total)}


def _disk() -> dict[str, Any]:
    root = os.path.abspath(os.sep)
    usage = shutil.disk_usage(root)
    return {"disk": {root: Disk(total=usage.total, used=usage.used)}}


def _gpus() -> dict[str, Any]:
    from asyncwb.system.nvml import load_nvml

    nvml = load_nvml()
    if nvml is None:
        return {}
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return {}  # no driver
    try:
        count = nvml.nvmlDeviceGetCount()
        gpus = [_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(index)) for index in range(count)]
        if not gpus:
            return {}
        version = nvml.nvmlSystemGetCudaDriverVersion()
    finally:
        nvml.nvmlShutdown()
    return {
        "gpu_type": gpus[0].name,
        "gpu_count": count,
        "gpu_nvidia": gpus,
        "cuda_version": f"{version // 1000}.{version % 1000 // 10}",
    }


def _gpu(nvml: Any, handle: Any) -> GpuNvidia:
    def ask(query: str, default: Any) -> Any:
        # Older drivers and libraries lack one or the other query.
        call: Callable[[Any], Any] | None = getattr(nvml, query, None)
        if call is None:
            return default
        try:
            answer = call(handle)
        except nvml.NVMLError:
            return default
        return answer.decode() if isinstance(answer, bytes) else answer

    memory = ask("nvmlDeviceGetMemoryInfo", None)
    return GpuNvidia(
        name=ask("nvmlDeviceGetName", ""),
        memory_total=memory.total if memory is not None else 0,
        cuda_cores=ask("nvmlDeviceGetNumGpuCores", 0),
        architecture=_ARCHITECTURES.get(ask("nvmlDeviceGetArchitecture", 0), ""),
        uuid=ask("nvmlDeviceGetUUID", ""),
    )
