"""The version that requests and telemetry name."""

from __future__ import annotations

import functools
from importlib.metadata import PackageNotFoundError, version

__all__ = ["own_version"]


@functools.cache
def own_version() -> str:
    """Version of the installed package; "0" where it runs uninstalled."""
    try:
        return version("asyncwb")
    except PackageNotFoundError:
        return "0"
