"""Telemetry and environment records in their wire form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import msgspec

from asyncwb.journal.message import Message
from asyncwb.journal.records import EnvironmentRecord, Timestamp

if TYPE_CHECKING:
    from asyncwb.journal.records import TelemetryRecord
    from asyncwb.sender.tree import Tree

__all__ = ["environment_tree", "merge_environment", "telemetry_tree"]

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
# These stay as the protocol spells them; all other names are in camel case.
_SNAKE_CASE = frozenset({"cpu_count", "cpu_count_logical", "gpu_count", "gpu_nvidia"})
_RENAMED = {"gpu_type": "gpu"}
_SIXTY_FOUR_BITS = frozenset({"total", "used", "memory_total"})


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


def merge_environment(earlier: EnvironmentRecord, later: EnvironmentRecord) -> EnvironmentRecord:
    """One environment of two records of the same writer; what the later one says counts."""
    merged = msgspec.structs.replace(earlier)
    for name in later.__struct_fields__:
        value = getattr(later, name)
        if value:
            setattr(merged, name, value)
    return merged


def environment_tree(record: EnvironmentRecord) -> Tree:
    """The object for `_wandb.value.e` and `wandb-metadata.json`; unknown members are left out."""
    return cast("Tree", _value(record, ""))


def _value(value: object, name: str) -> object:
    if isinstance(value, Timestamp):
        at = datetime.fromtimestamp(value.seconds, UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{value.nanos // 1000:06d}Z"
    if isinstance(value, Message):
        members = {field: getattr(value, field) for field in value.__struct_fields__}
        return {_key(key): _value(item, key) for key, item in members.items() if item}
    if isinstance(value, dict):
        return {key: _value(item, "") for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, list):
        return [_value(item, "") for item in cast("list[object]", value)]
    if isinstance(value, int) and name in _SIXTY_FOUR_BITS:
        return str(value)  # 64-bit numbers are texts
    return value


def _key(name: str) -> str:
    if name in _SNAKE_CASE:
        return name
    first, *rest = _RENAMED.get(name, name).split("_")
    return first + "".join(part.capitalize() for part in rest)
