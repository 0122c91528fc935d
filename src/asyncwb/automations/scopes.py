"""Where automations look: a project, a registry, a collection, a team."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from asyncwb.errors import InvalidValueError

__all__ = [
    "ArtifactCollectionScope",
    "EntityScope",
    "OrgScope",
    "ProjectScope",
    "RegistryScope",
    "Scope",
    "ScopeType",
    "TeamScope",
    "scope_of",
]


class ScopeType(StrEnum):
    """Kinds of scopes."""

    PROJECT = "PROJECT"
    ARTIFACT_COLLECTION = "ARTIFACT_COLLECTION"
    ENTITY = "ENTITY"


@dataclass(frozen=True)
class Scope:
    """A place by its opaque id."""

    scope_type: ClassVar[ScopeType]

    id: str
    name: str


@dataclass(frozen=True)
class ProjectScope(Scope):
    """A project."""

    scope_type = ScopeType.PROJECT


@dataclass(frozen=True)
class RegistryScope(ProjectScope):
    """A registry, which servers keep as a project."""


@dataclass(frozen=True)
class ArtifactCollectionScope(Scope):
    """A collection of artifacts."""

    scope_type = ScopeType.ARTIFACT_COLLECTION


@dataclass(frozen=True)
class EntityScope(Scope):
    """All projects of a user, a team or an organization."""

    scope_type = ScopeType.ENTITY


@dataclass(frozen=True)
class TeamScope(EntityScope):
    """All projects of a team."""


@dataclass(frozen=True)
class OrgScope(EntityScope):
    """All projects of an organization."""


def scope_of(value: object) -> Scope:
    """The scope that an object of an Api is: a project, registry, collection, team.

    Raises:
        InvalidValueError: It is none.
    """
    if isinstance(value, Scope):
        return value
    # objects of the blocking face hold those of the other one
    tell = getattr(getattr(value, "_async", value), "_automation_scope", None)
    found = None if tell is None else tell()
    if not isinstance(found, Scope):
        raise InvalidValueError(
            "the scope of an automation is a project, registry, collection or team of an Api, "
            f"not {value!r}"
        )
    return found
