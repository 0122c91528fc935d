"""Telemetry in its wire form, and environments of several records."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from asyncwb.journal.records import EnvironmentRecord, TelemetryRecord
    from asyncwb.sender.tree import Tree

__all__ = ["merge_environment", "share_texts", "telemetry_tree"]

_TELEMETRY_KEYS = {
    "1": "imports_init",
    "2": "imports_finish",
    "3": "feature",
    "4": "python_version",
    "5": "cli_version",
    "6": "huggingface_version",
    "8": "env",
    "10": "deprecated",
    "12": "core_version",
    "13": "platform",
}


def telemetry_tree(record: TelemetryRecord) -> Tree:
    """The object `_wandb.value.t`: keys are field numbers, flags are lists of numbers."""
    tree: Tree = {}
    for key, name in _TELEMETRY_KEYS.items():
        value = getattr(record, name)
        if value:
            tree[key] = value
    if record.label is not None:
        label = record.label
        texts = {"1": label.code_string, "2": label.repo_string, "3": label.code_version}
        tree["9"] = {key: text for key, text in texts.items() if text}
    return tree


def share_texts(record: EnvironmentRecord) -> None:
    """Let equal texts be one object: those of a thousand runs of one process are equal."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if type(value) is str:
            setattr(record, name, sys.intern(value))


def merge_environment(earlier: EnvironmentRecord, later: EnvironmentRecord) -> EnvironmentRecord:
    """One environment of two records of the same writer; what the later one says counts."""
    merged = msgspec.structs.replace(earlier)
    for name in later.__struct_fields__:
        value = getattr(later, name)
        if value:
            setattr(merged, name, value)
    return merged
