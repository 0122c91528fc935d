"""The alerts that an embedded server keeps, as its database has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server_client import sql

if TYPE_CHECKING:
    from asyncwb.testing import LocalServer

QUERY = """
SELECT alerts.title, alerts.text, alerts.severity FROM alerts
JOIN runs ON runs.id = alerts.run_id JOIN projects ON projects.id = runs.project_id
WHERE projects.name = :project ORDER BY alerts.id
"""


def kept_alerts(server: LocalServer, project: str) -> list[tuple[str, str, str]]:
    """Title, text and severity of the alerts of a project, oldest first."""
    return sql(server.data_dir, QUERY, project=project)
