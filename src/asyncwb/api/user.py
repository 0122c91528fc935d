"""People as the server knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from asyncwb.graphql.api_answers import UserNode

__all__ = ["User"]


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the server; of the user of a run only the two names are known.

    Attributes:
        username: Account name.
        name: Name for people.
        id: Opaque id.
        email: Address.
        entity: Default entity.
        admin: Whether an administrator of the installation.
        teams: Names of the teams.
    """

    username: str | None = None
    name: str | None = None
    id: str | None = None
    email: str | None = None
    entity: str | None = None
    admin: bool = False
    teams: tuple[str, ...] = ()

    @classmethod
    def from_node(cls, node: UserNode) -> User:
        """Make one from the server's answer."""
        teams = node.teams.edges if node.teams is not None else []
        return cls(
            username=node.username,
            name=node.name,
            id=node.id,
            email=node.email,
            entity=node.entity,
            admin=bool(node.admin),
            teams=tuple(edge.node.name for edge in teams),
        )

    def __repr__(self) -> str:
        return f"<User {self.username or self.name}>"
