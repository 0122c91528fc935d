"""GPUs without a GPU: the real pynvml module, whose driver functions answer from a table.

Each call is checked against the real signature, and answers are the real structs.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

import pytest

from asyncwb.system.nvidia import open_gpus
from asyncwb.system.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Callable

real = pytest.importorskip("pynvml")

GIB = 1024**3
OURS = 4711


class Driver:
    """Stands for the pynvml module. `gpus` holds, per GPU, what each function answers or raises."""

    def __init__(self, gpus: list[dict[str, Any]], init_error: Exception | None = None) -> None:
        self.gpus = gpus
        self.init_error = init_error
        self.calls: list[str] = []
        self.open = 0

    def __getattr__(self, name: str) -> Any:
        original = getattr(real, name)
        if not name.startswith("nvml"):
            return original

        def function(*arguments: Any) -> Any:
            inspect.signature(original).bind(*arguments)
            return self.answer(name, *arguments)

        return function

    def answer(self, name: str, *arguments: Any) -> Any:
        self.calls.append(name)
        if name == "nvmlInit":
            if self.init_error is not None:
                raise self.init_error
            self.open += 1
            return None
        if name == "nvmlShutdown":
            self.open -= 1
            return None
        if name == "nvmlDeviceGetCount":
            return len(self.gpus)
        if name == "nvmlDeviceGetHandleByIndex":
            return arguments[0]
        index, *rest = arguments
        key = (name, *rest) if rest else name
        found = self.gpus[index].get(key, real.NVMLError(real.NVML_ERROR_NOT_SUPPORTED))
        if isinstance(found, Exception):
            raise found
        return found


def struct(kind: Any, **fields: int) -> Any:
    made = kind()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def process(pid: int, memory: int) -> Any:
    plain = struct(real.c_nvmlProcessInfo_t, pid=pid, usedGpuMemory=memory)
    return real.nvmlStructToFriendlyObject(plain)


def h100(**changes: Any) -> dict[str, Any]:
    clocks = {real.NVML_CLOCK_SM: 1980, real.NVML_CLOCK_GRAPHICS: 1755, real.NVML_CLOCK_MEM: 2619}
    errors = "nvmlDeviceGetMemoryErrorCounter"
    where = (real.NVML_VOLATILE_ECC, real.NVML_MEMORY_LOCATION_DEVICE_MEMORY)
    return {
        "nvmlDeviceGetUtilizationRates": struct(real.c_nvmlUtilization_t, gpu=97, memory=41),
        "nvmlDeviceGetMemoryInfo": struct(
            real.c_nvmlMemory_t, total=80 * GIB, free=60 * GIB, used=20 * GIB
        ),
        ("nvmlDeviceGetTemperature", real.NVML_TEMPERATURE_GPU): 64,
        "nvmlDeviceGetPowerUsage": 350_000,
        "nvmlDeviceGetEnforcedPowerLimit": 700_000,
        "nvmlDeviceGetTotalEnergyConsumption": 12_345_000,
        "nvmlDeviceGetEncoderUtilization": [3, 166_666],
        "nvmlDeviceGetCurrPcieLinkGeneration": 5,
        "nvmlDeviceGetCurrPcieLinkWidth": 16,
        "nvmlDeviceGetMaxPcieLinkGeneration": 5,
        "nvmlDeviceGetMaxPcieLinkWidth": 16,
        "nvmlDeviceGetPcieSpeed": 32_000,
        "nvmlDeviceGetComputeRunningProcesses": [],
        "nvmlDeviceGetGraphicsRunningProcesses": [],
        (errors, real.NVML_MEMORY_ERROR_TYPE_CORRECTED, *where): 7,
        (errors, real.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, *where): 1,
        **{("nvmlDeviceGetClockInfo", kind): value for kind, value in clocks.items()},
        **changes,
    }


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Driver], Driver]:
    def put(driver: Driver) -> Driver:
        monkeypatch.setitem(sys.modules, "pynvml", driver)  # type: ignore[arg-type]
        return driver

    return put


def read(gpus: Any) -> dict[str, float]:
    sample = Sample()
    gpus.read(sample)
    return sample.gauges


def test_every_metric_has_its_name_and_unit(install: Callable[[Driver], Driver]) -> None:
    driver = install(Driver([h100()]))
    gpus = open_gpus(None, lambda: {OURS})
    assert gpus is not None
    # An H100 has no fan: that one is not supported.
    assert read(gpus) == {
        f"gpu.0.{name}": value
        for name, value in {
            "gpu": 97, "memory": 41, "memoryAllocated": 25, "memoryAllocatedBytes": 20 * GIB,
            "temp": 64, "powerWatts": 350, "enforcedPowerLimitWatts": 700, "powerPercent": 50,
            "energyJoules": 12345, "smClock": 1980, "graphicsClock": 1755, "memoryClock": 2619,
            "correctedMemoryErrors": 7, "uncorrectedMemoryErrors": 1, "encoderUtilization": 3,
            "pcieLinkGen": 5, "pcieLinkWidth": 16, "pcieLinkSpeed": 32e9,
            "maxPcieLinkGen": 5, "maxPcieLinkWidth": 16,
        }.items()
    }  # fmt: skip
    gpus.close()
    assert driver.open == 0


def test_what_is_not_supported_is_asked_for_once(install: Callable[[Driver], Driver]) -> None:
    driver = install(Driver([h100(), h100()]))
    gpus = open_gpus(None, set)
    assert gpus is not None
    for _ in range(3):
        assert len(read(gpus)) == 40
    assert driver.calls.count("nvmlDeviceGetFanSpeed") == 2


def test_a_reading_that_failed_in_passing_is_tried_again(
    install: Callable[[Driver], Driver],
) -> None:
    driver = install(
        Driver([h100(nvmlDeviceGetPowerUsage=real.NVMLError(real.NVML_ERROR_TIMEOUT))])
    )
    gpus = open_gpus(None, set)
    assert gpus is not None
    found = read(gpus)
    assert "gpu.0.powerWatts" not in found
    assert "gpu.0.powerPercent" not in found
    driver.gpus[0]["nvmlDeviceGetPowerUsage"] = 1000
    assert read(gpus)["gpu.0.powerWatts"] == 1


def test_the_process_has_metrics_of_the_gpus_that_it_uses(
    install: Callable[[Driver], Driver],
) -> None:
    used = [process(1, 5), process(OURS, 2 * GIB), process(OURS + 1, GIB)]
    both = h100(
        nvmlDeviceGetComputeRunningProcesses=used,
        nvmlDeviceGetGraphicsRunningProcesses=[process(OURS, GIB)],
    )
    install(Driver([h100(nvmlDeviceGetComputeRunningProcesses=[process(1, 5)]), both]))
    gpus = open_gpus(None, lambda: {OURS, OURS + 1})
    assert gpus is not None
    found = read(gpus)
    of_process = {name: value for name, value in found.items() if name.startswith("gpu.process.")}
    assert of_process == {
        f"gpu.process.1.{name}": value
        for name, value in {
            "gpu": 97, "memory": 41, "memoryAllocated": 25, "memoryAllocatedBytes": 20 * GIB,
            "temp": 64, "powerWatts": 350, "powerPercent": 50, "enforcedPowerLimitWatts": 700,
            "memoryUsedBytes": 3 * GIB,
        }.items()
    }  # fmt: skip


def test_memory_that_the_driver_does_not_tell_counts_as_none(
    install: Callable[[Driver], Driver],
) -> None:
    unknown = process(OURS, 0)
    unknown.usedGpuMemory = None
    install(Driver([h100(nvmlDeviceGetComputeRunningProcesses=[unknown])]))
    gpus = open_gpus(None, lambda: {OURS})
    assert gpus is not None
    assert read(gpus)["gpu.process.0.memoryUsedBytes"] == 0


def test_a_lost_gpu_is_left_out_and_the_others_go_on(install: Callable[[Driver], Driver]) -> None:
    driver = install(Driver([h100(), h100()]))
    gpus = open_gpus(None, set)
    assert gpus is not None
    for name in driver.gpus[0]:
        driver.gpus[0][name] = real.NVMLError(real.NVML_ERROR_GPU_IS_LOST)
    found = read(gpus)
    assert {name.split(".")[1] for name in found} == {"1"}
    driver.calls.clear()
    assert read(gpus) == found
    assert driver.calls.count("nvmlDeviceGetUtilizationRates") == 1


def test_a_gpu_in_instances_gives_what_it_has(install: Callable[[Driver], Driver]) -> None:
    # MIG: no utilization of the whole GPU, and memory is not for everybody.
    mig = {
        "nvmlDeviceGetUtilizationRates": real.NVMLError(real.NVML_ERROR_NOT_SUPPORTED),
        "nvmlDeviceGetMemoryInfo": real.NVMLError(real.NVML_ERROR_NO_PERMISSION),
        "nvmlDeviceGetPcieSpeed": real.NVMLError(real.NVML_ERROR_FUNCTION_NOT_FOUND),
    }
    install(Driver([h100(**mig)]))
    gpus = open_gpus(None, set)
    assert gpus is not None
    found = read(gpus)
    assert found["gpu.0.powerWatts"] == 350
    assert not {"gpu.0.gpu", "gpu.0.memoryAllocated", "gpu.0.pcieLinkSpeed"} & set(found)


@pytest.mark.parametrize(("ids", "shown"), [((1,), {"1"}), ((0, 2, 9), {"0", "2"}), ((7,), None)])
def test_chosen_gpus_keep_their_index(
    install: Callable[[Driver], Driver], ids: tuple[int, ...], shown: set[str] | None
) -> None:
    driver = install(Driver([h100(), h100(), h100()]))
    gpus = open_gpus(ids, set)
    if gpus is None:
        assert shown is None
        assert driver.open == 0
        return
    assert {name.split(".")[1] for name in read(gpus)} == shown


@pytest.mark.parametrize(
    "code", [real.NVML_ERROR_LIBRARY_NOT_FOUND, real.NVML_ERROR_DRIVER_NOT_LOADED]
)
def test_no_driver_is_no_trouble(
    install: Callable[[Driver], Driver], caplog: pytest.LogCaptureFixture, code: int
) -> None:
    install(Driver([], real.NVMLError(code)))
    assert open_gpus(None, set) is None
    assert caplog.records == []


def test_no_library_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert open_gpus(None, set) is None
