"""The tables of artifacts.

A collection owns versions (a sequence) or holds links to them (a portfolio). A version's place in a
collection is a membership, which has its number and its aliases there. Bytes are stored once per
entity and digest, whatever versions hold them; `artifact_entries` says which do.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from .tables import metadata

__all__ = [
    "artifact_aliases",
    "artifact_entries",
    "artifact_inputs",
    "artifact_manifests",
    "artifact_memberships",
    "artifact_outputs",
    "artifact_tags",
    "artifact_types",
    "artifacts",
    "client_ids",
    "collection_tags",
    "collections",
    "stored_files",
    "upload_parts",
]

_Id = BigInteger().with_variant(Integer, "sqlite")
_NEVER_REUSED: dict[str, Any] = {"sqlite_autoincrement": True}


def _to(target: str, ondelete: str = "CASCADE") -> Any:
    return ForeignKey(target, ondelete=ondelete)


artifact_types = Table(
    "artifact_types",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("project_id", _to("projects.id"), nullable=False),
    Column("name", String(128), nullable=False),
    Column("description", Text),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("project_id", "name"),
    **_NEVER_REUSED,
)

collections = Table(
    "collections",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("project_id", _to("projects.id"), nullable=False),
    Column("type_id", _to("artifact_types.id"), nullable=False, index=True),
    Column("name", String(128), nullable=False),
    Column("kind", String(16), nullable=False),  # SEQUENCE or PORTFOLIO
    Column("description", Text),
    Column("next_index", Integer, nullable=False, server_default="0"),
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    UniqueConstraint("project_id", "name"),
    **_NEVER_REUSED,
)

collection_tags = Table(
    "collection_tags",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("collection_id", _to("collections.id"), nullable=False),
    Column("name", String(128), nullable=False),
    UniqueConstraint("collection_id", "name"),
    **_NEVER_REUSED,
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("sequence_id", _to("collections.id"), nullable=False),
    Column("run_id", _to("runs.id", "SET NULL"), index=True),
    Column("user_id", _to("users.id", "SET NULL")),
    Column("version_index", Integer),  # null until it is committed
    Column("state", String(16), nullable=False),  # PENDING or COMMITTED
    Column("digest", String(64), nullable=False),
    Column("algorithm", String(16), nullable=False),
    Column("description", Text),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("metadata_doc", Text, nullable=False, server_default="{}"),
    Column("ttl_seconds", BigInteger, nullable=False, server_default="-1"),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("file_count", BigInteger, nullable=False, server_default="0"),
    Column("history_step", BigInteger),
    Column("distributed_id", Text),
    Column("wanted_aliases", Text, nullable=False, server_default="[]"),  # JSON, until committed
    Column("storage", Text, nullable=False, server_default="{}"),  # JSON, of the manifest
    Column("created_at", Float(53), nullable=False),
    Column("updated_at", Float(53), nullable=False),
    Index("artifacts_by_digest", "sequence_id", "digest"),
    Index("artifacts_by_version", "sequence_id", "version_index"),
    **_NEVER_REUSED,
)

artifact_tags = Table(
    "artifact_tags",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("artifact_id", _to("artifacts.id"), nullable=False),
    Column("name", String(128), nullable=False),
    UniqueConstraint("artifact_id", "name"),
    **_NEVER_REUSED,
)

artifact_memberships = Table(
    "artifact_memberships",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("artifact_id", _to("artifacts.id"), nullable=False, index=True),
    Column("collection_id", _to("collections.id"), nullable=False),
    Column("version_index", Integer, nullable=False),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("collection_id", "artifact_id"),
    UniqueConstraint("collection_id", "version_index"),
    **_NEVER_REUSED,
)

artifact_aliases = Table(
    "artifact_aliases",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("membership_id", _to("artifact_memberships.id"), nullable=False, index=True),
    Column("collection_id", _to("collections.id"), nullable=False),
    Column("alias", String(256), nullable=False),
    UniqueConstraint("collection_id", "alias"),
    **_NEVER_REUSED,
)

# What drafts call themselves before they have an id: a version, or the sequence it goes into.
client_ids = Table(
    "client_ids",
    metadata,
    Column("client_id", String(256), primary_key=True),
    Column("artifact_id", _to("artifacts.id"), index=True),
    Column("collection_id", _to("collections.id"), index=True),
)

artifact_manifests = Table(
    "artifact_manifests",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("artifact_id", _to("artifacts.id"), nullable=False, index=True),
    Column("base_id", _to("artifacts.id", "SET NULL")),
    Column("type", String(16), nullable=False),  # FULL, INCREMENTAL or PATCH
    Column("digest", Text, nullable=False),
    Column("blob", Text),  # null until the bytes have arrived
    Column("created_at", Float(53), nullable=False),
    **_NEVER_REUSED,
)

stored_files = Table(
    "stored_files",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("entity_id", _to("entities.id"), nullable=False),
    Column("digest", String(64), nullable=False),  # as manifests have it: MD5, or XXH128
    Column("md5", String(24), nullable=False),
    Column("birth_id", _to("artifacts.id", "SET NULL")),
    Column("blob", Text),  # null until the bytes have arrived
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("wanted_at", Float(53), nullable=False),  # when a version last asked for it
    UniqueConstraint("entity_id", "digest"),
    **_NEVER_REUSED,
)

upload_parts = Table(
    "upload_parts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("file_id", _to("stored_files.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("hex_md5", String(32), nullable=False),
    Column("blob", Text),
    UniqueConstraint("file_id", "number"),
    **_NEVER_REUSED,
)

artifact_entries = Table(
    "artifact_entries",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("artifact_id", _to("artifacts.id"), nullable=False),
    Column("path", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("ref", Text),
    Column("size", BigInteger),
    Column("extra", Text),  # JSON
    Column("birth", Text),  # GraphQL id, as the manifest has it
    Column("file_id", _to("stored_files.id", "SET NULL"), index=True),
    UniqueConstraint("artifact_id", "path"),
    **_NEVER_REUSED,
)

artifact_inputs = Table(
    "artifact_inputs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run_id", _to("runs.id"), nullable=False),
    Column("artifact_id", _to("artifacts.id"), nullable=False, index=True),
    Column("used_as", Text),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("run_id", "artifact_id"),
    **_NEVER_REUSED,
)

artifact_outputs = Table(
    "artifact_outputs",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("run_id", _to("runs.id"), nullable=False),
    Column("artifact_id", _to("artifacts.id"), nullable=False, index=True),
    Column("created_at", Float(53), nullable=False),
    UniqueConstraint("run_id", "artifact_id"),
    **_NEVER_REUSED,
)
