"""Runs of this machine, read from their folders with the classes of the read side."""

from __future__ import annotations

from asyncwb.api.local.node import address_of
from asyncwb.api.local.service import EVERY, LocalService

__all__ = ["EVERY", "LocalService", "address_of"]
