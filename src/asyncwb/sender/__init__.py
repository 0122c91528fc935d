"""Journal -> server: live runs, crash recovery and offline sync are this one path."""

from __future__ import annotations

from asyncwb.sender.fold import RunOverrides
from asyncwb.sender.offline import SyncResult, sync_folder, sync_many
from asyncwb.sender.progress import DeliveryOptions
from asyncwb.sender.resume import ResumePoint
from asyncwb.sender.sender import Sender
from asyncwb.sender.status import Phase, SenderStatus

__all__ = [
    "DeliveryOptions",
    "Phase",
    "ResumePoint",
    "RunOverrides",
    "Sender",
    "SenderStatus",
    "SyncResult",
    "sync_folder",
    "sync_many",
]
