"""Metrics as `define_metric` defines them: what is asked for, and the statistics of a summary.

The live run and the sender both derive a summary from rows; they do it with these.
"""

from __future__ import annotations

from asyncwb.metrics.definitions import (
    GOALS,
    SUMMARIES,
    MetricDefinition,
    MetricTable,
    definition_of,
    definitions_of_config,
    ordered,
    record_of,
)
from asyncwb.metrics.statistics import Statistics, SummaryStatistics

__all__ = [
    "GOALS",
    "SUMMARIES",
    "MetricDefinition",
    "MetricTable",
    "Statistics",
    "SummaryStatistics",
    "definition_of",
    "definitions_of_config",
    "ordered",
    "record_of",
]
