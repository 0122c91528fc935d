"""What is sampled, and how often."""

from __future__ import annotations

import os

import msgspec

__all__ = ["SampleOptions"]


class SampleOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Runs with equal options share their samples.

    Attributes:
        interval_seconds: Time between two samples.
        pid: The process that the `proc.` metrics and `cpu` are about.
        process_tree: Whether its descendants count, too.
        disk_paths: Any path of each file system to report.
        gpu_device_ids: Indexes of the NVIDIA GPUs to report; None: all.
    """

    interval_seconds: float = 15.0
    pid: int = msgspec.field(default_factory=os.getpid)
    process_tree: bool = False
    disk_paths: tuple[str, ...] = ("/",)
    gpu_device_ids: tuple[int, ...] | None = None
