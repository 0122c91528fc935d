"""The tables.

Moments are seconds since 1970 in UTC. `*_doc` columns repeat a JSON text in the plain form that
the database can search (see `jsontext.query_form`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "alerts",
    "api_keys",
    "entities",
    "files",
    "members",
    "metadata",
    "projects",
    "run_tags",
    "runs",
    "segments",
    "shared_summaries",
    "sweep_agents",
    "sweep_trials",
    "sweeps",
    "users",
    "writers",
]

metadata = MetaData()

# SQLite only numbers rows by itself in columns of exactly the type INTEGER
_Id = BigInteger().with_variant(Integer, "sqlite")

# SQLite would give the number of a removed row to a new one. Ids and signed URLs that are still
# around would then mean, and open, another object.
_NEVER_REUSED: dict[str, Any] = {"sqlite_autoincrement": True}


def _to(target: str, ondelete: str | None = None) -> Any:
    """A reference to another table."""
    return ForeignKey(target, ondelete=ondelete)


users = Table(
    "users",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("username", String(128), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("role", String(16), nullable=False, server_default="member"),
    # USER, SERVICE, or GONE: deleted, and named by runs that stay
    Column("kind", String(16), nullable=False, server_default="USER"),
    Column("created_at", Float(53), nullable=False),
    **_NEVER_REUSED,
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("user_id", _to("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("digest", String(64), nullable=False, unique=True),  # SHA-256; the key is not kept
    Column("prefix", String(16), nullable=False),
    Column("description", Text),
    Column("created_at", Float(53), nullable=False),
    **_NEVER_REUSED,
)

entities = Table(
    "entities",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("name", String(128), nullable=False, unique=True),
    # the owner of a personal entity; teams have none
    Column("user_id", _to("users.id", ondelete="CASCADE"), index=True),
    Column("created_at", Float(53), nullable=False),
    **_NEVER_REUSED,
)

members = Table(
    "members",
    metadata,
    Column("entity_id", _to("entities.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", _to("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", String(16), nullable=False, server_default="member"),
)

projects = Table(
    "projects",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("entity_id", _to("entities.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", _to("users.id", ondelete="SET NULL")),
    Column("name", String(128), nullable=False),
    Column("description", Text),
    Column("access", String(32), nullable=False, server_default="PRIVATE"),
    Column("views", Text),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    UniqueConstraint("entity_id", "name"),
    **_NEVER_REUSED,
)

runs = Table(
    "runs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("project_id", _to("projects.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", _to("users.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("exitcode", Integer),
    Column("stop_requested", Boolean, nullable=False, server_default="0"),
    Column("preempting", Boolean, nullable=False, server_default="0"),
    Column("group_name", Text),
    Column("job_type", Text),
    Column("sweep_name", Text),
    Column("description", Text),
    Column("notes", Text),
    Column("host", Text),
    Column("program", Text),
    Column("commit", Text),
    Column("repo", Text),
    Column("tags", Text, nullable=False, server_default="[]"),  # JSON list, in the user's order
    Column("config", Text, nullable=False, server_default="{}"),
    Column("config_doc", Text, nullable=False, server_default="{}"),
    Column("summary", Text, nullable=False, server_default="{}"),
    Column("summary_doc", Text, nullable=False, server_default="{}"),
    Column("summary_line", BigInteger, nullable=False, server_default="-1"),
    Column("history_keys", Text, nullable=False, server_default="{}"),  # {key: {type: count}}
    Column("last_step", BigInteger, nullable=False, server_default="-1"),
    Column("history_lines", BigInteger, nullable=False, server_default="0"),
    Column("events_lines", BigInteger, nullable=False, server_default="0"),
    Column("log_lines", BigInteger, nullable=False, server_default="0"),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("heartbeat_at", Float(53), nullable=False),
    UniqueConstraint("project_id", "name"),
    Index("runs_by_creation", "project_id", "created_at", "id"),
    Index("runs_by_state", "project_id", "state"),
    Index("runs_by_group", "project_id", "group_name"),
    Index("runs_by_sweep", "project_id", "sweep_name"),
    **_NEVER_REUSED,
)

run_tags = Table(
    "run_tags",
    metadata,
    Column("run_id", _to("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(128), primary_key=True),
)

# Lines of a file stream, many to a row. `data` holds `line_count` texts joined by newlines, in the
# order of their line numbers; `steps` holds the `_step` of each as int64, for history alone, so
# that a range of steps is found without decoding a row.
segments = Table(
    "segments",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run_id", _to("runs.id", ondelete="CASCADE"), nullable=False),
    Column("stream", String(8), nullable=False),  # history, events or output
    Column("writer", String(64), nullable=False),  # "" but for runs with several writers
    Column("first_line", BigInteger, nullable=False),
    Column("line_count", BigInteger, nullable=False),
    Column("byte_count", BigInteger, nullable=False),
    Column("min_step", BigInteger),
    Column("max_step", BigInteger),
    Column("steps", LargeBinary),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("run_id", "stream", "writer", "first_line"),
    Index("segments_by_step", "run_id", "stream", "max_step", "min_step"),
    **_NEVER_REUSED,
)

# Of runs that several processes write: what each of them sent last, to see what it changes next,
writers = Table(
    "writers",
    metadata,
    Column("run_id", _to("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("writer", String(64), primary_key=True),
    Column("config", Text, nullable=False, server_default="{}"),
    Column("summary", Text, nullable=False, server_default="{}"),
)

# and when the value of each key of the summary was logged, JSON.
shared_summaries = Table(
    "shared_summaries",
    metadata,
    Column("run_id", _to("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("times", Text, nullable=False),
)

files = Table(
    "files",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run_id", _to("runs.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("blob", Text),  # null until the bytes have arrived
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("md5", String(24)),
    Column("mimetype", Text),
    Column("updated_at", Float(53), nullable=False),
    UniqueConstraint("run_id", "name"),
    **_NEVER_REUSED,
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run_id", _to("runs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("created_at", Float(53), nullable=False),
    **_NEVER_REUSED,
)

sweeps = Table(
    "sweeps",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("project_id", _to("projects.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", _to("users.id"), nullable=False),
    Column("name", String(128), nullable=False),  # what clients call its id
    Column("display_name", Text),
    Column("description", Text),
    Column("config", Text, nullable=False),  # YAML, as it came
    Column("method", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("controller", Text),
    Column("scheduler", Text),
    Column("proposals", BigInteger, nullable=False, server_default="0"),  # runs thought of so far
    Column("exhausted", Boolean, nullable=False, server_default="0"),  # no further run will begin
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Column("heartbeat_at", Float(53)),
    UniqueConstraint("project_id", "name"),
    **_NEVER_REUSED,
)

sweep_agents = Table(
    "sweep_agents",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sweep_id", _to("sweeps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(128), nullable=False),
    Column("host", Text, nullable=False),
    Column("created_at", Float(53), nullable=False),
    Column("heartbeat_at", Float(53), nullable=False),
    **_NEVER_REUSED,
)

# A run that a sweep gave to an agent. It goes with its run: the point of a deleted run is free.
sweep_trials = Table(
    "sweep_trials",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sweep_id", _to("sweeps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("run_id", _to("runs.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("agent_id", _to("sweep_agents.id", ondelete="SET NULL"), index=True),
    Column("point", BigInteger),  # of the grid; no two runs of a sweep have the same
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("released", Boolean, nullable=False, server_default="0"),  # the agent is done with it
    Column("brackets", Text, nullable=False, server_default="{}"),  # {bracket: loss}, as JSON
    Column("given_at", Float(53), nullable=False),
    UniqueConstraint("sweep_id", "point"),
    **_NEVER_REUSED,
)
