"""Who is a member of a registry, and as what."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import msgspec

from asyncwb.api.team import Team
from asyncwb.api.user import User
from asyncwb.errors import InvalidValueError
from asyncwb.graphql.api_answers import UserNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncwb.api.registries.operations import MemberNode, TeamMemberNode
    from asyncwb.graphql.service import Service

__all__ = ["Member", "MemberRole", "TeamMember", "UserMember", "ids_of", "role_name"]


class MemberRole(StrEnum):
    """What a member may do in a registry."""

    ADMIN = "admin"
    """Everything: change and delete it, and its members."""
    MEMBER = "member"
    """Link versions, and change collections and aliases."""
    VIEWER = "viewer"
    """Read and download."""
    RESTRICTED_VIEWER = "restricted_viewer"
    """See what is there."""


class UserMember(msgspec.Struct, frozen=True, kw_only=True):
    """A user that is a member of a registry.

    Attributes:
        user: Who.
        role: As what; a text where the server has another role than those of `MemberRole`.
    """

    kind: Literal["user"] = "user"
    user: User
    role: MemberRole | str

    @classmethod
    def from_node(cls, service: Service, node: MemberNode) -> UserMember:
        """Make one from the server's answer."""
        user = UserNode(id=node.id, name=node.name, username=node.username, email=node.email)
        return cls(user=User(service, user), role=_role(node.role.name))


class TeamMember(msgspec.Struct, frozen=True, kw_only=True):
    """A team that is a member of a registry.

    Attributes:
        team: Which one.
        role: As what; a text where the server has another role than those of `MemberRole`.
    """

    kind: Literal["team"] = "team"
    team: Team
    role: MemberRole | str

    @classmethod
    def from_node(cls, service: Service, node: TeamMemberNode) -> TeamMember:
        """Make one from the server's answer."""
        return cls(team=Team(service, node.team), role=_role(node.role.name))


Member: TypeAlias = User | UserMember | Team | TeamMember | str
"""How a member is named: by an object, or the id of a user or team."""


class Ids(NamedTuple):
    """Ids of members by their kind, in order."""

    users: list[str]
    teams: list[str]


def ids_of(members: Iterable[Member]) -> Ids:
    """Ids of users and of teams.

    Raises:
        InvalidValueError: One is neither a member nor an id.
    """
    found = Ids([], [])
    for member in members:
        identity = _id_of(member)
        match _kind_of(identity):
            case "User":
                found.users.append(identity)
            case "Entity":
                found.teams.append(identity)
            case _:
                raise InvalidValueError(
                    f"a member of a registry is a user, a team, or the id of one, got {member!r}"
                )
    return Ids(list(dict.fromkeys(found.users)), list(dict.fromkeys(found.teams)))


def role_name(role: MemberRole | str) -> str:
    """The name of a role.

    Raises:
        InvalidValueError: It is no role.
    """
    if not isinstance(role, str) or role not in set(MemberRole):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidValueError(
            f"a role is one of {', '.join(repr(str(one)) for one in MemberRole)}, got {role!r}"
        )
    return str(role)


def _role(name: str) -> MemberRole | str:
    return MemberRole(name) if name in set(MemberRole) else name


def _id_of(member: object) -> str:
    if isinstance(member, UserMember):
        member = member.user
    elif isinstance(member, TeamMember):
        member = member.team
    # Users and teams of either face.
    identity = getattr(member, "id", member)
    return identity if isinstance(identity, str) else ""


def _kind_of(identity: str) -> str:
    """What an id is of: ids are base64 of `User:7` and the like."""
    try:
        kind, _, number = base64.b64decode(identity, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return kind if number else ""
