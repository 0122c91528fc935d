"""Environment records as JSON: `config._wandb.e` and `wandb-metadata.json`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import msgspec

from asyncwb.journal.environment_records import Timestamp
from asyncwb.journal.message import Message

if TYPE_CHECKING:
    from asyncwb.journal.environment_records import EnvironmentRecord

__all__ = ["environment_tree", "metadata_json"]

# These stay as the protocol spells them; all other names are in camel case.
_SNAKE_CASE = frozenset({"cpu_count", "cpu_count_logical", "gpu_count", "gpu_nvidia"})
_RENAMED = {"gpu_type": "gpu", "remote_url": "remote"}
_SIXTY_FOUR_BITS = frozenset({"total", "used", "memory_total"})


def environment_tree(record: EnvironmentRecord) -> dict[str, object]:
    """The object for `_wandb.value.e` and `wandb-metadata.json`; unknown members are left out."""
    return cast("dict[str, object]", _value(record, ""))


def metadata_json(record: EnvironmentRecord) -> bytes:
    """The text of `wandb-metadata.json`."""
    return msgspec.json.format(msgspec.json.encode(environment_tree(record)), indent=2)


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
