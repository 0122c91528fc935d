"""The keys that listings of versions, collections and registries are filtered and ordered by.

Keys of several spellings mean the same: clients write those of the listing's own table, and those
of the search of registries.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from asyncwb.server.problems import invalid
from asyncwb.server.storage.artifact_tables import (
    artifact_aliases,
    artifact_memberships,
    artifact_tags,
    artifacts,
    collection_tags,
    collections,
)
from asyncwb.server.storage.tables import projects

from .operators import JsonField, NumberField, TagsField, TextField, TimeField

if TYPE_CHECKING:
    from .operators import Field

__all__ = ["collection_fields", "registry_fields", "version_fields"]

_VERSION = re.compile(r"v?(\d{1,9})")


class VersionField(NumberField):
    """The number of a version in its collection: `3` or `v3`."""

    @override
    def _value(self, value: Any) -> int | float | None:
        if isinstance(value, str):
            number = _VERSION.fullmatch(value)
            return int(number[1]) if number else None
        return super()._value(value)


def version_fields(key: str) -> Field:
    """A field of versions, and of their places in collections.

    Raises:
        Problem: There is no such field (400).
    """
    head, dot, rest = _snake(key).partition(".")
    if dot and rest and head in {"metadata", "artifact_metadata"}:
        return JsonField(artifacts.c.metadata_doc, key.partition(".")[2])
    if not dot:
        match head:
            case "state":
                return TextField(artifacts.c.state)
            case "digest":
                return TextField(artifacts.c.digest)
            case "description":
                return TextField(artifacts.c.description)
            case "id" | "artifact_id":
                return NumberField(artifacts.c.id)
            case "version" | "version_index":
                return VersionField(artifact_memberships.c.version_index)
            case "size" | "artifact_size":
                return NumberField(artifacts.c.size)
            case "created_at" | "artifact_created_at":
                return TimeField(artifacts.c.created_at)
            case "updated_at":
                return TimeField(artifacts.c.updated_at)
            case "linked_at" | "acm_created_at":
                return TimeField(artifact_memberships.c.created_at)
            case "tag" | "tags":
                return TagsField(
                    artifact_tags.c.name, artifact_tags.c.artifact_id == artifacts.c.id, artifacts
                )
            case "alias" | "aliases":
                return TagsField(
                    artifact_aliases.c.alias,
                    artifact_aliases.c.membership_id == artifact_memberships.c.id,
                    artifact_memberships,
                )
            case _:
                pass
    raise invalid(f"unknown filter or order key {key!r} for artifact versions")


def collection_fields(key: str) -> Field:
    """A field of collections.

    Raises:
        Problem: There is no such field (400).
    """
    match _snake(key):
        case "name" | "collection_name" | "artifact_collection_name":
            return TextField(collections.c.name)
        case "description":
            return TextField(collections.c.description)
        case "id" | "collection_id" | "artifact_collection_id":
            return NumberField(collections.c.id)
        case "created_at":
            return TimeField(collections.c.created_at)
        case "updated_at":
            return TimeField(collections.c.updated_at)
        case "tag" | "tags":
            return TagsField(
                collection_tags.c.name,
                collection_tags.c.collection_id == collections.c.id,
                collections,
            )
        case _:
            raise invalid(f"unknown filter or order key {key!r} for artifact collections")


def registry_fields(key: str) -> Field:
    """A field of registries, which are projects.

    Raises:
        Problem: There is no such field (400).
    """
    match _snake(key):
        case "name":
            return TextField(projects.c.name)
        case "description":
            return TextField(projects.c.description)
        case "id" | "project_id":
            return NumberField(projects.c.id)
        case "entity_id":
            return NumberField(projects.c.entity_id)
        case "created_at":
            return TimeField(projects.c.created_at)
        case "updated_at":
            return TimeField(projects.c.updated_at)
        case _:
            raise invalid(f"unknown filter or order key {key!r} for registries")


def _snake(key: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda m: "_" + m.group().lower(), key)
