"""What the server can do, asked once per server and process."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import anyio

from asyncwb.errors import Error
from asyncwb.graphql.run_operations import SERVER_FEATURES
from asyncwb.portal import PORTAL
from asyncwb.transport import TRANSIENT_STATUSES, RetryPolicy

if TYPE_CHECKING:
    from asyncwb.graphql import GraphQL

__all__ = ["STRUCTURED_CONSOLE_LOGS", "server_features"]

log = logging.getLogger("asyncwb.sender")

STRUCTURED_CONSOLE_LOGS = "STRUCTURED_CONSOLE_LOGS"

_DEADLINE_SECONDS = 5.0
_POLICY = RetryPolicy(retry_statuses=TRANSIENT_STATUSES, max_attempts=3)


async def server_features(graphql: GraphQL) -> frozenset[str]:
    """Names of the features that are switched on. Runs in the loop.

    A server that does not answer has none: nothing that depends on a feature is worth waiting
    for. It is asked again by the next caller.

    Args:
        graphql: To the server.
    """

    async def ask() -> frozenset[str]:
        answer = await graphql.execute(
            SERVER_FEATURES, {}, policy=_POLICY, deadline_seconds=_DEADLINE_SECONDS
        )
        return answer.enabled

    # Also for those that wait for somebody else's question.
    with anyio.move_on_after(_DEADLINE_SECONDS):
        try:
            return await PORTAL.resource(("server features", graphql.server), ask, _forget)
        except Error as exc:
            log.debug("%s does not say what it can do: %s", graphql.server, exc)
    return frozenset()


async def _forget(features: frozenset[str]) -> None:
    """Nothing is to be closed."""
