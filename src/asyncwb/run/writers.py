"""What a run notes about itself as one of the writers of a run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from asyncwb import jsonx
from asyncwb.journal.records import Item, SettingsRecord

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["new_writer_id", "writer_settings"]


def new_writer_id(unix_seconds: float) -> str:
    """A UUID of version 7, which begins with its time."""
    millis = int(unix_seconds * 1000) & (1 << 48) - 1
    noise = int.from_bytes(os.urandom(10))
    bits = millis << 80 | noise & ~(0xF << 76) & ~(3 << 62) | 7 << 76 | 2 << 62
    text = f"{bits:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def writer_settings(settings: Settings, writer_id: str) -> SettingsRecord | None:
    """What a later sender has to know of this writer; None where that is nothing."""
    ends = (
        settings.primary if settings.update_finish_state is None else settings.update_finish_state
    )
    found: dict[str, object] = {}
    if settings.is_shared:
        found.update(mode="shared", writer_id=writer_id)
    if settings.label:
        found["x_label"] = settings.label
    if not settings.primary:
        found["x_primary"] = False
    if not ends:
        found["x_update_finish_state"] = False
    if not found:
        return None
    items = [Item(key=key, value_json=jsonx.encode(value).decode()) for key, value in found.items()]
    return SettingsRecord(item=items)
