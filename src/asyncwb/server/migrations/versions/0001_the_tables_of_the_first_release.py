"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from asyncwb.server.migrations import kinds

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change the tables."""
    op.create_table(
        "server_state",
        sa.Column("name", kinds.text(64), nullable=False),
        sa.Column("value", kinds.text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        if_not_exists=True,
    )
    op.create_table(
        "spent_links",
        sa.Column("digest", kinds.text(64), nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_spent_links_expires_at"),
        "spent_links",
        ["expires_at"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "users",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("username", kinds.text(128), nullable=False),
        sa.Column("name", kinds.text(), nullable=False),
        sa.Column("email", kinds.text(), server_default="", nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("kind", kinds.text(16), server_default="USER", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=False),
        sa.Column("digest", kinds.text(64), nullable=False),
        sa.Column("prefix", kinds.text(16), nullable=False),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_api_keys_user_id"), "api_keys", ["user_id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "entities",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_entities_user_id"), "entities", ["user_id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "invites",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("entity_id", kinds.row_id(), nullable=False),
        sa.Column("email", kinds.text(320), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity_id", "email"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_invites_email"), "invites", ["email"], unique=False, if_not_exists=True
    )
    op.create_table(
        "members",
        sa.Column("entity_id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=False),
        sa.Column("admin", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entity_id", "user_id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_members_user_id"), "members", ["user_id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "organizations",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("entity_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity_id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "page_sessions",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=False),
        sa.Column("key_id", kinds.row_id(), nullable=True),
        sa.Column("digest", kinds.text(64), nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_page_sessions_expires_at"),
        "page_sessions",
        ["expires_at"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_page_sessions_key_id"),
        "page_sessions",
        ["key_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_page_sessions_user_id"),
        "page_sessions",
        ["user_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "projects",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("entity_id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=True),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("access", kinds.text(32), server_default="PRIVATE", nullable=False),
        sa.Column("views", kinds.text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_types",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("project_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "registries",
        sa.Column("project_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("allow_all_types", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id"),
        if_not_exists=True,
    )
    op.create_table(
        "registry_teams",
        sa.Column("project_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("entity_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("role", kinds.text(32), nullable=False),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "entity_id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_registry_teams_entity_id"),
        "registry_teams",
        ["entity_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "registry_users",
        sa.Column("project_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("user_id", kinds.row_id(), autoincrement=False, nullable=False),
        sa.Column("role", kinds.text(32), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project_id", "user_id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_registry_users_user_id"),
        "registry_users",
        ["user_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "runs",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("project_id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(), nullable=False),
        sa.Column("display_name", kinds.text(), nullable=False),
        sa.Column("state", kinds.text(16), nullable=False),
        sa.Column("exitcode", kinds.whole(), nullable=True),
        sa.Column("stop_requested", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("preempting", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("group_name", kinds.text(), nullable=True),
        sa.Column("job_type", kinds.text(), nullable=True),
        sa.Column("sweep_name", kinds.text(), nullable=True),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("notes", kinds.text(), nullable=True),
        sa.Column("host", kinds.text(), nullable=True),
        sa.Column("program", kinds.text(), nullable=True),
        sa.Column("commit", kinds.text(), nullable=True),
        sa.Column("repo", kinds.text(), nullable=True),
        sa.Column("tags", kinds.text(), server_default="[]", nullable=False),
        sa.Column("config", kinds.text(), server_default="{}", nullable=False),
        sa.Column("config_doc", kinds.text(), server_default="{}", nullable=False),
        sa.Column("summary", kinds.text(), server_default="{}", nullable=False),
        sa.Column("summary_doc", kinds.text(), server_default="{}", nullable=False),
        sa.Column("summary_line", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("history_keys", kinds.text(), server_default="{}", nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("history_lines", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("events_lines", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("log_lines", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("heartbeat_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        "runs_by_creation",
        "runs",
        ["project_id", "created_at", "id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        "runs_by_group", "runs", ["project_id", "group_name"], unique=False, if_not_exists=True
    )
    op.create_index(
        "runs_by_state", "runs", ["project_id", "state"], unique=False, if_not_exists=True
    )
    op.create_index(
        "runs_by_sweep", "runs", ["project_id", "sweep_name"], unique=False, if_not_exists=True
    )
    op.create_table(
        "sweeps",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("project_id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("display_name", kinds.text(), nullable=True),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("config", kinds.text(), nullable=False),
        sa.Column("method", kinds.text(16), nullable=False),
        sa.Column("state", kinds.text(16), nullable=False),
        sa.Column("controller", kinds.text(), nullable=True),
        sa.Column("scheduler", kinds.text(), nullable=True),
        sa.Column("proposals", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("exhausted", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.Column("heartbeat_at", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "views",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("project_id", kinds.row_id(), nullable=False),
        sa.Column("user_id", kinds.row_id(), nullable=True),
        sa.Column("updated_by", kinds.row_id(), nullable=True),
        sa.Column("type", kinds.text(64), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("display_name", kinds.text(), nullable=True),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("spec", kinds.text(), nullable=False),
        sa.Column("locked", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("preview_url", kinds.text(), nullable=True),
        sa.Column("cover_url", kinds.text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["updated_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        "views_by_type", "views", ["project_id", "type", "id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "alerts",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("title", kinds.text(), nullable=False),
        sa.Column("text", kinds.text(), nullable=False),
        sa.Column("severity", kinds.text(8), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_alerts_run_id"), "alerts", ["run_id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "collections",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("project_id", kinds.row_id(), nullable=False),
        sa.Column("type_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("kind", kinds.text(16), nullable=False),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("next_index", kinds.whole(), server_default="0", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["type_id"], ["artifact_types.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_collections_type_id"), "collections", ["type_id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "files",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(), nullable=False),
        sa.Column("blob", kinds.text(), nullable=True),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("md5", kinds.text(24), nullable=True),
        sa.Column("mimetype", kinds.text(), nullable=True),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "run_tags",
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("tag", kinds.text(128), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "tag"),
        if_not_exists=True,
    )
    op.create_table(
        "segments",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("stream", kinds.text(8), nullable=False),
        sa.Column("writer", kinds.text(64), nullable=False),
        sa.Column("first_line", sa.BigInteger(), nullable=False),
        sa.Column("line_count", sa.BigInteger(), nullable=False),
        sa.Column("byte_count", sa.BigInteger(), nullable=False),
        sa.Column("min_step", sa.BigInteger(), nullable=True),
        sa.Column("max_step", sa.BigInteger(), nullable=True),
        sa.Column("steps", sa.LargeBinary(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "stream", "writer", "first_line"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        "segments_by_step",
        "segments",
        ["run_id", "stream", "max_step", "min_step"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "shared_summaries",
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("times", kinds.text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id"),
        if_not_exists=True,
    )
    op.create_table(
        "sweep_agents",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("sweep_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.Column("host", kinds.text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("heartbeat_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_sweep_agents_sweep_id"),
        "sweep_agents",
        ["sweep_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "writers",
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("writer", kinds.text(64), nullable=False),
        sa.Column("config", kinds.text(), server_default="{}", nullable=False),
        sa.Column("summary", kinds.text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "writer"),
        if_not_exists=True,
    )
    op.create_table(
        "artifacts",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("sequence_id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=True),
        sa.Column("user_id", kinds.row_id(), nullable=True),
        sa.Column("version_index", kinds.whole(), nullable=True),
        sa.Column("state", kinds.text(16), nullable=False),
        sa.Column("digest", kinds.text(64), nullable=False),
        sa.Column("algorithm", kinds.text(16), nullable=False),
        sa.Column("description", kinds.text(), nullable=True),
        sa.Column("metadata", kinds.text(), server_default="{}", nullable=False),
        sa.Column("metadata_doc", kinds.text(), server_default="{}", nullable=False),
        sa.Column("ttl_seconds", sa.BigInteger(), server_default="-1", nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("file_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("history_step", sa.BigInteger(), nullable=True),
        sa.Column("distributed_id", kinds.text(), nullable=True),
        sa.Column("wanted_aliases", kinds.text(), server_default="[]", nullable=False),
        sa.Column("storage", kinds.text(), server_default="{}", nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("updated_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["sequence_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        "artifacts_by_digest",
        "artifacts",
        ["sequence_id", "digest"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        "artifacts_by_version",
        "artifacts",
        ["sequence_id", "version_index"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_artifacts_run_id"), "artifacts", ["run_id"], unique=False, if_not_exists=True
    )
    op.create_table(
        "collection_tags",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("collection_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "sweep_trials",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("sweep_id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("agent_id", kinds.row_id(), nullable=True),
        sa.Column("point", sa.BigInteger(), nullable=True),
        sa.Column("attempts", kinds.whole(), server_default="1", nullable=False),
        sa.Column("released", sa.Boolean(), server_default="0", nullable=False),
        sa.Column("brackets", kinds.text(), server_default="{}", nullable=False),
        sa.Column("given_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["agent_id"], ["sweep_agents.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["sweep_id"], ["sweeps.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id"),
        sa.UniqueConstraint("sweep_id", "point"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_sweep_trials_agent_id"),
        "sweep_trials",
        ["agent_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_sweep_trials_sweep_id"),
        "sweep_trials",
        ["sweep_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_inputs",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("artifact_id", kinds.row_id(), nullable=False),
        sa.Column("used_as", kinds.text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "artifact_id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_artifact_inputs_artifact_id"),
        "artifact_inputs",
        ["artifact_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_manifests",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("artifact_id", kinds.row_id(), nullable=False),
        sa.Column("base_id", kinds.row_id(), nullable=True),
        sa.Column("type", kinds.text(16), nullable=False),
        sa.Column("digest", kinds.text(), nullable=False),
        sa.Column("blob", kinds.text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["base_id"], ["artifacts.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_artifact_manifests_artifact_id"),
        "artifact_manifests",
        ["artifact_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_memberships",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("artifact_id", kinds.row_id(), nullable=False),
        sa.Column("collection_id", kinds.row_id(), nullable=False),
        sa.Column("version_index", kinds.whole(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "artifact_id"),
        sa.UniqueConstraint("collection_id", "version_index"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_artifact_memberships_artifact_id"),
        "artifact_memberships",
        ["artifact_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_outputs",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("run_id", kinds.row_id(), nullable=False),
        sa.Column("artifact_id", kinds.row_id(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", "artifact_id"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_artifact_outputs_artifact_id"),
        "artifact_outputs",
        ["artifact_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_tags",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("artifact_id", kinds.row_id(), nullable=False),
        sa.Column("name", kinds.text(128), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("artifact_id", "name"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "client_ids",
        sa.Column("client_id", kinds.text(256), nullable=False),
        sa.Column("artifact_id", kinds.row_id(), nullable=True),
        sa.Column("collection_id", kinds.row_id(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("client_id"),
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_client_ids_artifact_id"),
        "client_ids",
        ["artifact_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_client_ids_collection_id"),
        "client_ids",
        ["collection_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "stored_files",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("entity_id", kinds.row_id(), nullable=False),
        sa.Column("digest", kinds.text(64), nullable=False),
        sa.Column("md5", kinds.text(24), nullable=False),
        sa.Column("birth_id", kinds.row_id(), nullable=True),
        sa.Column("blob", kinds.text(), nullable=True),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("wanted_at", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["birth_id"], ["artifacts.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["entity_id"], ["entities.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("entity_id", "digest"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_aliases",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("membership_id", kinds.row_id(), nullable=False),
        sa.Column("collection_id", kinds.row_id(), nullable=False),
        sa.Column("alias", kinds.text(256), nullable=False),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["membership_id"], ["artifact_memberships.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("collection_id", "alias"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_artifact_aliases_membership_id"),
        "artifact_aliases",
        ["membership_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "artifact_entries",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("artifact_id", kinds.row_id(), nullable=False),
        sa.Column("path", kinds.text(), nullable=False),
        sa.Column("digest", kinds.text(), nullable=False),
        sa.Column("ref", kinds.text(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("extra", kinds.text(), nullable=True),
        sa.Column("birth", kinds.text(), nullable=True),
        sa.Column("file_id", kinds.row_id(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("artifact_id", "path"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
    op.create_index(
        op.f("ix_artifact_entries_file_id"),
        "artifact_entries",
        ["file_id"],
        unique=False,
        if_not_exists=True,
    )
    op.create_table(
        "upload_parts",
        sa.Column("id", kinds.row_id(), nullable=False),
        sa.Column("file_id", kinds.row_id(), nullable=False),
        sa.Column("number", kinds.whole(), nullable=False),
        sa.Column("hex_md5", kinds.text(32), nullable=False),
        sa.Column("blob", kinds.text(), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("file_id", "number"),
        sqlite_autoincrement=True,
        if_not_exists=True,
    )
