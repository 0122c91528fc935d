"""The library of NVIDIA's driver, where there is one."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["load_nvml"]


def load_nvml() -> Any | None:
    """Import `pynvml`, not yet initialised; None where it or the driver is missing. Blocks.

    Its import takes 10 ms, which a machine without a driver is spared.
    """
    if sys.platform == "darwin" or not ("pynvml" in sys.modules or _driver()):
        return None
    try:
        import pynvml  # pyright: ignore[reportMissingImports]
    except ImportError:
        return None
    return pynvml


def _driver() -> bool:
    """Whether there may be a driver."""
    if not sys.platform.startswith("linux"):
        return True
    import ctypes

    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    return True
