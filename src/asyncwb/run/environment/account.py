"""Asking the server, in the background, whose run this is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from asyncwb.errors import Error
from asyncwb.graphql import GraphQL
from asyncwb.graphql.run_operations import VIEWER
from asyncwb.portal import PORTAL
from asyncwb.run.environment.survey import Account
from asyncwb.sender.resume import wire_object
from asyncwb.transport import Transport

if TYPE_CHECKING:
    from asyncwb.transport import TransportConfig

__all__ = ["find_account"]

_SECONDS = 10.0
_FLAG = "code_saving_enabled"


async def find_account(config: TransportConfig) -> Account | None:
    """Ask once per process and key; None: no answer in time. In asyncwb's loop."""
    try:
        with anyio.fail_after(_SECONDS):
            return await PORTAL.resource(("account", config), lambda: _ask(config), _forget)
    except (Error, TimeoutError):
        return None


async def _ask(config: TransportConfig) -> Account:
    transport = await Transport.shared(config)
    answer = await GraphQL(transport, deadline_seconds=_SECONDS).execute(VIEWER, {})
    viewer = answer.viewer
    if viewer is None:
        return Account()
    saves_code = wire_object(viewer.flags).get(_FLAG)
    return Account(viewer.email or "", saves_code if isinstance(saves_code, bool) else None)


async def _forget(account: Account) -> None:
    """Nothing is open."""
