"""NVIDIA GPUs, by the driver's own library (NVML). Imports pynvml: in the sampler's thread alone.

A machine without a driver, a GPU that falls off the bus, one split into instances (MIG), an old
driver: whatever cannot be read is left out, and said once, at debug level.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from asyncwb.system.nvml import load_nvml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from asyncwb.system.sample import Sample

__all__ = ["Gpus", "open_gpus"]

log = logging.getLogger("asyncwb.system")

_T = TypeVar("_T")
_Reading: TypeAlias = "Callable[[Any, Any], dict[str, float]]"
"""Reads some metrics, given the pynvml module and a handle."""

_ALSO_OF_PROCESS = (
    "gpu",
    "memory",
    "memoryAllocated",
    "memoryAllocatedBytes",
    "temp",
    "powerWatts",
    "powerPercent",
    "enforcedPowerLimitWatts",
)
"""Metrics of a GPU that are reported for the run's process, too, while it uses the GPU."""


def open_gpus(ids: Sequence[int] | None, pids: Callable[[], set[int]]) -> Gpus | None:
    """Connect to the driver; None where there is no library, no driver or no GPU.

    Args:
        ids: Indexes of the GPUs to report; None: all.
        pids: Tells the processes of the run; asked only while somebody uses a GPU.
    """
    nvml = load_nvml()
    if nvml is None:
        log.debug("no metrics of NVIDIA GPUs: no driver, or nvidia-ml-py is not installed")
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as exc:
        log.debug("no metrics of NVIDIA GPUs: %s", exc)
        return None
    gpus = Gpus(nvml, ids, pids)
    if not gpus.devices:
        gpus.close()
        return None
    return gpus


class Gpus:
    """Reads GPUs; make one with `open_gpus`.

    Attributes:
        devices: Index to driver handle.

    Args:
        nvml: The pynvml module, initialised.
        ids: Indexes of the GPUs to report; None: all.
        pids: Tells the processes of the run.
    """

    def __init__(self, nvml: Any, ids: Sequence[int] | None, pids: Callable[[], set[int]]) -> None:
        self._nvml = nvml
        self._pids = pids
        # (GPU, reading) that the driver refused: it is not asked again.
        self._refused: set[tuple[int, str]] = set()
        self.devices: dict[int, Any] = {}
        try:
            present = range(nvml.nvmlDeviceGetCount())
        except nvml.NVMLError as exc:
            log.debug("no metrics of NVIDIA GPUs: %s", exc)
            return
        for index in present if ids is None else [i for i in ids if i in present]:
            try:
                self.devices[index] = nvml.nvmlDeviceGetHandleByIndex(index)
            except nvml.NVMLError as exc:
                log.debug("no metrics of GPU %d: %s", index, exc)

    def close(self) -> None:
        """Let the driver go."""
        try:
            self._nvml.nvmlShutdown()
        except self._nvml.NVMLError as exc:
            log.debug("the NVIDIA driver was not left properly: %s", exc)

    def read(self, into: Sample) -> None:
        """Add `gpu.N.` metrics, and `gpu.process.N.` of GPUs that the run's processes use."""
        for index, handle in list(self.devices.items()):
            found: dict[str, float] = {}
            for name, reading in _READINGS.items():
                found |= self._ask(index, name, partial(reading, self._nvml, handle)) or {}
            limit = found.get("enforcedPowerLimitWatts")
            if limit and "powerWatts" in found:
                found["powerPercent"] = 100 * found["powerWatts"] / limit
            into.gauges.update({f"gpu.{index}.{name}": value for name, value in found.items()})
            used = self._ask(index, "processes", partial(self._memory_of_run, handle))
            if used is not None:
                prefix = f"gpu.process.{index}."
                of_process = {name: found[name] for name in _ALSO_OF_PROCESS if name in found}
                of_process["memoryUsedBytes"] = float(used)
                into.gauges.update({prefix + name: value for name, value in of_process.items()})

    def _ask(self, index: int, name: str, read: Callable[[], _T]) -> _T | None:
        """What the driver answers; None where it does not."""
        nvml = self._nvml
        if index not in self.devices or (index, name) in self._refused:
            return None
        try:
            return read()
        except (nvml.NVMLError_GpuIsLost, nvml.NVMLError_Uninitialized) as exc:
            del self.devices[index]
            log.debug("GPU %d is gone: %s", index, exc)
        except (nvml.NVMLError_Timeout, nvml.NVMLError_Unknown):
            pass  # that may pass
        except nvml.NVMLError as exc:
            self._refused.add((index, name))
            log.debug("GPU %d does not tell its %s: %s", index, name, exc)
        return None

    def _memory_of_run(self, handle: Any) -> int | None:
        """Bytes that the run's processes hold on a GPU; None where they do not use it."""
        users = _users(self._nvml, handle)
        ours = users.keys() & self._pids() if users else set[int]()
        return sum(users[pid] for pid in ours) if ours else None


def _users(nvml: Any, handle: Any) -> dict[int, int]:
    """Processes on a GPU and the bytes that each holds, as far as the driver tells."""
    found: dict[int, int] = {}
    for kind in ("Compute", "Graphics"):
        for process in getattr(nvml, f"nvmlDeviceGet{kind}RunningProcesses")(handle):
            found[process.pid] = max(found.get(process.pid, 0), process.usedGpuMemory or 0)
    return found


def _utilization(nvml: Any, handle: Any) -> dict[str, float]:
    rates = nvml.nvmlDeviceGetUtilizationRates(handle)
    return {"gpu": float(rates.gpu), "memory": float(rates.memory)}


def _memory(nvml: Any, handle: Any) -> dict[str, float]:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    share = 100 * memory.used / memory.total if memory.total else 0.0
    return {"memoryAllocated": share, "memoryAllocatedBytes": float(memory.used)}


def _encoder(nvml: Any, handle: Any) -> dict[str, float]:
    percent, _period = nvml.nvmlDeviceGetEncoderUtilization(handle)
    return {"encoderUtilization": float(percent)}


def _number(name: str, function: str, *arguments: str, unit: float = 1.0) -> _Reading:
    """A reading of one number in units of `unit`; the arguments are names of NVML constants."""

    def read(nvml: Any, handle: Any) -> dict[str, float]:
        constants = (getattr(nvml, argument) for argument in arguments)
        return {name: getattr(nvml, function)(handle, *constants) * unit}

    return read


def _ecc(name: str, kind: str) -> _Reading:
    """A reading of memory errors since the driver was loaded."""
    return _number(
        name,
        "nvmlDeviceGetMemoryErrorCounter",
        f"NVML_MEMORY_ERROR_TYPE_{kind}",
        "NVML_VOLATILE_ECC",
        "NVML_MEMORY_LOCATION_DEVICE_MEMORY",
    )


_READINGS: Final[Mapping[str, _Reading]] = {
    "utilization": _utilization,
    "memory": _memory,
    "encoder": _encoder,
    "temperature": _number("temp", "nvmlDeviceGetTemperature", "NVML_TEMPERATURE_GPU"),
    "power": _number("powerWatts", "nvmlDeviceGetPowerUsage", unit=1e-3),
    "power limit": _number("enforcedPowerLimitWatts", "nvmlDeviceGetEnforcedPowerLimit", unit=1e-3),
    "energy": _number("energyJoules", "nvmlDeviceGetTotalEnergyConsumption", unit=1e-3),
    "SM clock": _number("smClock", "nvmlDeviceGetClockInfo", "NVML_CLOCK_SM"),
    "graphics clock": _number("graphicsClock", "nvmlDeviceGetClockInfo", "NVML_CLOCK_GRAPHICS"),
    "memory clock": _number("memoryClock", "nvmlDeviceGetClockInfo", "NVML_CLOCK_MEM"),
    "corrected errors": _ecc("correctedMemoryErrors", "CORRECTED"),
    "uncorrected errors": _ecc("uncorrectedMemoryErrors", "UNCORRECTED"),
    "fan": _number("fanSpeed", "nvmlDeviceGetFanSpeed"),
    "PCIe generation": _number("pcieLinkGen", "nvmlDeviceGetCurrPcieLinkGeneration"),
    "PCIe width": _number("pcieLinkWidth", "nvmlDeviceGetCurrPcieLinkWidth"),
    "PCIe speed": _number("pcieLinkSpeed", "nvmlDeviceGetPcieSpeed", unit=1e6),
    "largest PCIe generation": _number("maxPcieLinkGen", "nvmlDeviceGetMaxPcieLinkGeneration"),
    "largest PCIe width": _number("maxPcieLinkWidth", "nvmlDeviceGetMaxPcieLinkWidth"),
}
"""Each is asked for on its own: a GPU knows some and not others."""
