"""The loop thread and the bridge into it; the only package that imports asyncio."""

from asyncwb.portal.decorators import on_loop, on_loop_iter
from asyncwb.portal.portal import PORTAL, Portal

__all__ = ["PORTAL", "Portal", "on_loop", "on_loop_iter"]
