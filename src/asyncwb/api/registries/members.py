"""Who is a member of a registry, and as what."""

from __future__ import annotations

import base64
import binascii
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, TypeAlias

from asyncwb.api.team import Team
from asyncwb.api.user import User
from asyncwb.errors import InvalidValueError
from asyncwb.graphql.api_answers import UserNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asyncwb.api.registries.operations import MemberNode, TeamMemberNode
    from asyncwb.graphql.service import Service

__all__ = [
    "Member", "MemberRole", "TeamMember", "UserMember", "ids_of", "role_name", "team_member",
    "user_member",
]  # fmt: skip


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


class UserMember:
    """A user that is a member of a registry."""

    def __init__(self, user: User, role: MemberRole | str) -> None:
        self._user = user
        self._role = role

    def __repr__(self) -> str:
        return f"<UserMember {self._user.username} ({self.role})>"

    @property
    def kind(self) -> Literal["user"]:
        """Which kind of member."""
        return "user"

    @property
    def role(self) -> MemberRole | str:
        """As what; a text where the server has another role than those of `MemberRole`."""
        return self._role

    @property
    def user(self) -> User:
        """Who."""
        return self._user


class TeamMember:
    """A team that is a member of a registry."""

    def __init__(self, team: Team, role: MemberRole | str) -> None:
        self._team = team
        self._role = role

    def __repr__(self) -> str:
        return f"<TeamMember {self._team.name} ({self.role})>"

    @property
    def kind(self) -> Literal["team"]:
        """Which kind of member."""
        return "team"

    @property
    def role(self) -> MemberRole | str:
        """As what; a text where the server has another role than those of `MemberRole`."""
        return self._role

    @property
    def team(self) -> Team:
        """Which one."""
        return self._team


def user_member(service: Service, node: MemberNode) -> UserMember:
    """A member from the server's answer."""
    user = UserNode(id=node.id, name=node.name, username=node.username, email=node.email)
    return UserMember(User(service, user), _role(node.role.name))


def team_member(service: Service, node: TeamMemberNode) -> TeamMember:
    """A member from the server's answer."""
    return TeamMember(Team(service, node.team), _role(node.role.name))


class _HasId(Protocol):
    @property
    def id(self) -> str | None: ...


class _HasKind(Protocol):
    @property
    def kind(self) -> Literal["user", "team"]: ...


Member: TypeAlias = _HasId | _HasKind | str
"""How a member is named: by a `User`, `Team`, `UserMember` or `TeamMember` of either face, or by
the id of a user or team."""


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
    # Members, users and teams of either face.
    kind = getattr(member, "kind", None)
    if kind in ("user", "team"):
        member = getattr(member, kind, None)
    identity = getattr(member, "id", member)
    return identity if isinstance(identity, str) else ""


def _kind_of(identity: str) -> str:
    """What an id is of: ids are base64 of `User:7` and the like."""
    try:
        kind, _, number = base64.b64decode(identity, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return kind if number else ""
