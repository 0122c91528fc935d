"""Roles, several organizations, and the numbers that charts read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from asyncwb.server.migrations import kinds

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "organization_members",
        sa.Column("organization_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("user_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("role", kinds.text(16), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("organization_id", "user_id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_organization_members_user_id"),
        "organization_members",
        ["user_id"],
        unique=False,
        if_not_exists=True,
    )

    op.create_table(
        "organization_teams",
        sa.Column("entity_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("organization_id", kinds.row_id(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entity_id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_organization_teams_organization_id"),
        "organization_teams",
        ["organization_id"],
        unique=False,
        if_not_exists=True,
    )

    op.create_table(
        "rollups",
        sa.Column("segment_id", kinds.row_id(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segments.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("segment_id"),
        if_not_exists=True,
    )
    op.create_table(
        "series_blocks",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", kinds.text(8), nullable=False),
        sa.Column("key", kinds.text(256), nullable=False),
        sa.Column("segment_id", kinds.row_id(), nullable=False),
        sa.Column("blocks", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["rollups.segment_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "stream", "key", "segment_id"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_series_blocks_segment_id"),
        "series_blocks",
        ["segment_id"],
        unique=False,
        if_not_exists=True,
    )

    op.create_table(
        "series_values",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("stream", kinds.text(8), nullable=False),
        sa.Column("key", kinds.text(256), nullable=False),
        sa.Column("segment_id", kinds.row_id(), nullable=False),
        sa.Column("numbers", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["rollups.segment_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "stream", "key", "segment_id"),
        sqlite_with_rowid=False,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_series_values_segment_id"),
        "series_values",
        ["segment_id"],
        unique=False,
        if_not_exists=True,
    )

    there = sa.inspect(op.get_bind())
    for table in ("users", "members", "invites"):
        if "admin" not in {column["name"] for column in there.get_columns(table)}:
            continue  # made with the tables of this version, before there were scripts
        role = sa.Column("role", kinds.text(16), server_default="member", nullable=False)
        op.add_column(table, role)
        op.execute(f"UPDATE {table} SET role = 'admin' WHERE admin")
        # not as a batch, which would make the table anew and forget which ids were used
        op.execute(f"ALTER TABLE {table} DROP COLUMN admin")
