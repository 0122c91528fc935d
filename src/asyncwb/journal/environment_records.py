# ruff: noqa: RUF012 - msgspec copies empty list and dict defaults per instance
"""Records about the machine and the program of a run."""

# No `from __future__ import annotations`: evaluated from text, they would take a millisecond of the
# first `init`.
from typing import Annotated, Self

from asyncwb.journal.message import Message

__all__ = [
    "CoreWeave",
    "Cpu",
    "Disk",
    "EnvironmentRecord",
    "Git",
    "GpuNvidia",
    "Memory",
    "Timestamp",
    "Tpu",
]


class Timestamp(Message):
    """A point in time, UTC, as seconds since 1970 and nanoseconds."""

    seconds: Annotated[int, 1] = 0
    nanos: Annotated[int, 2] = 0

    @classmethod
    def at(cls, seconds: float) -> Self:
        """Make one from Unix seconds, rounded to a microsecond as a double holds no more."""
        micros = round(seconds * 1e6)
        return cls(micros // 1_000_000, micros % 1_000_000 * 1000)

    @property
    def unix(self) -> float:
        """Unix seconds."""
        return self.seconds + self.nanos / 1e9


class Git(Message):
    """The repository that a program ran from."""

    remote_url: Annotated[str, 1] = ""
    commit: Annotated[str, 2] = ""


class Disk(Message):
    """Bytes of one file system."""

    total: Annotated[int, 1] = 0
    used: Annotated[int, 2] = 0


class Memory(Message):
    """Bytes of main memory."""

    total: Annotated[int, 1] = 0


class Cpu(Message):
    """Processor cores, physical and logical."""

    count: Annotated[int, 1] = 0
    count_logical: Annotated[int, 2] = 0
    model: Annotated[str, 3] = ""


class GpuNvidia(Message):
    """One NVIDIA GPU; memory in bytes."""

    name: Annotated[str, 1] = ""
    memory_total: Annotated[int, 2] = 0
    cuda_cores: Annotated[int, 3] = 0
    architecture: Annotated[str, 4] = ""
    uuid: Annotated[str, 5] = ""
    pci_bus_id: Annotated[str, 6] = ""
    numa_node: Annotated[int, 7] = 0


class Tpu(Message):
    """TPU devices of the machine."""

    name: Annotated[str, 1] = ""
    hbm_gib: Annotated[int, 2] = 0
    devices_per_chip: Annotated[int, 3] = 0
    count: Annotated[int, 4] = 0


class CoreWeave(Message):
    """The CoreWeave cluster of the machine."""

    cluster_name: Annotated[str, 1] = ""
    org_id: Annotated[str, 2] = ""
    region: Annotated[str, 3] = ""


class EnvironmentRecord(Message):
    """Machine and program; several with one `writer_id` are merged by the reader."""

    os: Annotated[str, 1] = ""
    python: Annotated[str, 2] = ""
    started_at: Annotated[Timestamp | None, 3] = None
    docker: Annotated[str, 4] = ""
    args: Annotated[list[str], 5] = []
    program: Annotated[str, 6] = ""
    code_path: Annotated[str, 7] = ""
    code_path_local: Annotated[str, 8] = ""
    git: Annotated[Git | None, 9] = None
    email: Annotated[str, 10] = ""
    root: Annotated[str, 11] = ""
    host: Annotated[str, 12] = ""
    username: Annotated[str, 13] = ""
    executable: Annotated[str, 14] = ""
    colab: Annotated[str, 15] = ""
    cpu_count: Annotated[int, 16] = 0
    cpu_count_logical: Annotated[int, 17] = 0
    gpu_type: Annotated[str, 18] = ""
    gpu_count: Annotated[int, 19] = 0
    disk: Annotated[dict[str, Disk], 20] = {}
    memory: Annotated[Memory | None, 21] = None
    cpu: Annotated[Cpu | None, 22] = None
    gpu_nvidia: Annotated[list[GpuNvidia], 24] = []
    cuda_version: Annotated[str, 25] = ""
    slurm: Annotated[dict[str, str], 27] = {}
    tpu: Annotated[Tpu | None, 29] = None
    coreweave: Annotated[CoreWeave | None, 30] = None
    writer_id: Annotated[str, 199] = ""
