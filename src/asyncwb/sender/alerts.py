"""Alerts on their way to the server."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from asyncwb.errors import CommError
from asyncwb.graphql.run_operations import NOTIFY_ALERT

if TYPE_CHECKING:
    from asyncwb.graphql import GraphQL
    from asyncwb.journal.records import AlertRecord
    from asyncwb.sender.target import RunTarget

__all__ = ["Alerts"]

log = logging.getLogger("asyncwb.sender")

_LEVELS = frozenset({"INFO", "WARN", "ERROR"})
_DEADLINE_SECONDS = 60.0
_MOST_TITLES = 1000


class Alerts:
    """Sends the alerts of one run, in their order.

    One that comes sooner after another of its title than it wants to is left out: the server
    would drop it, and an alert in a training loop would keep rows waiting.

    Args:
        graphql: To the server.
        target: The run.
    """

    def __init__(self, graphql: GraphQL, target: RunTarget) -> None:
        self._graphql = graphql
        self._target = target
        self._sent_at: dict[str, float] = {}

    async def send(self, waiting: list[AlertRecord]) -> CommError | None:
        """Send what waits, and take it off the list.

        Returns:
            The last refusal; it is logged, too, and nothing ends with it, as the run matters more.
        """
        failure = None
        while waiting:
            alert = waiting[0]
            if not self._is_early(alert):
                try:
                    await self._notify(alert)
                except CommError as exc:
                    log.warning("the alert %r was not delivered: %s", alert.title, exc)
                    failure = exc
                else:
                    self._note(alert.title)
            waiting.pop(0)
        return failure

    def _is_early(self, alert: AlertRecord) -> bool:
        before = self._sent_at.get(alert.title)
        return before is not None and time.monotonic() - before < alert.wait_duration / 1000

    def _note(self, title: str) -> None:
        self._sent_at.pop(title, None)
        self._sent_at[title] = time.monotonic()
        if len(self._sent_at) > _MOST_TITLES:
            del self._sent_at[next(iter(self._sent_at))]

    async def _notify(self, alert: AlertRecord) -> None:
        variables = {
            "entityName": self._target.entity or "",
            "projectName": self._target.project,
            "runName": self._target.run_id,
            "title": alert.title,
            "text": alert.text,
            "severity": alert.level if alert.level in _LEVELS else "INFO",
            "waitDuration": alert.wait_duration,
        }
        await self._graphql.execute(NOTIFY_ALERT, variables, deadline_seconds=_DEADLINE_SECONDS)
