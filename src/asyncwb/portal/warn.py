"""The warning about blocking calls beside a running event loop."""

from __future__ import annotations

import os
import sys

from asyncwb.errors import BlockingInAsyncWarning

__all__ = ["blocks_a_loop", "warn_of_blocking"]


def blocks_a_loop() -> bool:
    """Whether the thread runs an event loop that a blocking call would stop."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or asyncio._get_running_loop() is None:
        return False
    ipython = sys.modules.get("IPython")
    # A notebook runs every cell inside a loop, and blocking there is what its user means.
    return ipython is None or ipython.get_ipython() is None


def warn_of_blocking(message: str) -> None:
    """Warn, pointing at the caller's own line."""
    import inspect
    import warnings

    package = os.path.dirname(os.path.dirname(__file__)) + os.sep
    depth, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
        depth += 1
    warnings.warn(message, BlockingInAsyncWarning, stacklevel=depth)
