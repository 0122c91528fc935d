"""System metrics: what the machine does while runs live.

`sampler` is the one thread of a process that takes samples for all runs; `machine` puts a sample
together from `host`, `process`, `limits` and `nvidia`. psutil and pynvml are imported in that
thread alone.
"""

from __future__ import annotations

from asyncwb.system.options import SampleOptions
from asyncwb.system.sampler import SAMPLER, Member

__all__ = ["SAMPLER", "Member", "SampleOptions"]
