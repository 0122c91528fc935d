"""Presets of custom charts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from asyncwb.server.migrations import kinds

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "custom_charts",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("entity_id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=True),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("display_name", kinds.text(), nullable=False),
        sa.Column("type", kinds.text(16), nullable=False),
        sa.Column("access", kinds.text(16), nullable=False),
        sa.Column("spec", kinds.text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
