"""Test helpers: a throw-away server that speaks the W&B protocol.

async with asyncwb.testing.local_server() as server:      # or: with ... as server
    async with asyncwb.init(project="p", settings=server.settings) as run: ...
"""

from __future__ import annotations

from asyncwb.testing.server import LocalServer, local_server

__all__ = ["LocalServer", "local_server"]
