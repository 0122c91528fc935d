"""What a sweep searches: its config, checked, and values of its parameters.

Client and server share it: the client refuses a bad config before anything is sent, the server
draws values. Pure; imports nothing but errors.
"""

from __future__ import annotations

from asyncwb.searchspace.config import (
    EarlyStop,
    Metric,
    SweepConfig,
    fill_distributions,
    read_config,
)
from asyncwb.searchspace.space import Space

__all__ = ["EarlyStop", "Metric", "Space", "SweepConfig", "fill_distributions", "read_config"]
