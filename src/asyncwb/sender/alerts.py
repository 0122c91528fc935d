"""Alerts on their way to the server."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asyncwb.errors import CommError
from asyncwb.graphql.run_operations import NOTIFY_ALERT

if TYPE_CHECKING:
    from asyncwb.graphql import GraphQL
    from asyncwb.journal.records import AlertRecord
    from asyncwb.sender.target import RunTarget

__all__ = ["send_alert"]

log = logging.getLogger("asyncwb.sender")

_LEVELS = frozenset({"INFO", "WARN", "ERROR"})
_DEADLINE_SECONDS = 60.0


async def send_alert(graphql: GraphQL, target: RunTarget, alert: AlertRecord) -> CommError | None:
    """Send one alert; a refusal is logged and returned, as the run matters more."""
    variables = {
        "entityName": target.entity or "",
        "projectName": target.project,
        "runName": target.run_id,
        "title": alert.title,
        "text": alert.text,
        "severity": alert.level if alert.level in _LEVELS else "INFO",
        "waitDuration": alert.wait_duration,
    }
    try:
        await graphql.execute(NOTIFY_ALERT, variables, deadline_seconds=_DEADLINE_SECONDS)
    except CommError as exc:
        log.warning("the alert %r was not delivered: %s", alert.title, exc)
        return exc
    return None
