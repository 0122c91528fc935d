"""Automations, and alerts that are of no run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from asyncwb.server.migrations import kinds

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "project_alerts",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("project_id", kinds.row_id(), nullable=False),
        sa.Column("title", kinds.text(), nullable=False),
        sa.Column("text", kinds.text(), nullable=False),
        sa.Column("severity", kinds.text(8), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )

    op.create_table(
        "automations",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("entity_id", kinds.row_id(), nullable=False),
        sa.Column("project_id", kinds.row_id(), nullable=True),
        sa.Column("collection_id", kinds.row_id(), nullable=True),
        sa.Column("user_id", kinds.row_id(), nullable=True),
        sa.Column("name", kinds.text(255), nullable=False),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("event", kinds.text(32), nullable=False),
        sa.Column("filter", kinds.text(), nullable=False),
        sa.Column("action", kinds.text(32), nullable=False),
        sa.Column("action_config", kinds.text(), nullable=False),
        sa.Column("executions", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=True),
        sa.Column("last_executed_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )

    op.create_table(
        "automation_runs",
        sa.Column("automation_id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("numbers", kinds.text(), nullable=False),
        sa.Column("fired", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["automation_id"], ["automations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("automation_id", "run_id"),
        if_not_exists=True,
    )

    for table, name, columns in (
        ("project_alerts", "ix_project_alerts_project_id", ["project_id"]),
        ("automations", "automations_by_event", ["entity_id", "event"]),
        ("automations", "ix_automations_collection_id", ["collection_id"]),
        ("automations", "ix_automations_project_id", ["project_id"]),
        ("automation_runs", "ix_automation_runs_run_id", ["run_id"]),
    ):
        op.create_index(name, table, columns, if_not_exists=True)
