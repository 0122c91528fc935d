"""Teams and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from asyncwb.api.user import refused
from asyncwb.automations.scopes import TeamScope
from asyncwb.errors import CommError, InvalidValueError, NotFoundError
from asyncwb.graphql.account_operations import (
    CREATE_SERVICE_ACCOUNT,
    CREATE_TEAM,
    INVITE,
    INVITE_AS,
    REMOVE_MEMBER,
    TEAM,
)
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from asyncwb.api.api import Api
    from asyncwb.graphql.account_operations import MemberNode, TeamNode
    from asyncwb.graphql.service import Service

__all__ = ["Member", "Team", "create_team", "fetch_team"]

_ROLES = ("viewer", "member", "admin")


class Member:
    """A member of a team: a person, somebody who is invited, or a service account."""

    def __init__(self, service: Service, team: str, node: MemberNode) -> None:
        self._service = service
        self._node = node
        self.team: str = team
        """Name of the team."""

    def __repr__(self) -> str:
        return f"<Member {self.name} ({self.account_type})>"

    @property
    def id(self) -> str | None:
        """Opaque id."""
        return self._node.id

    @property
    def name(self) -> str:
        """Name for people; of a service account: its description."""
        return self._node.name

    @property
    def username(self) -> str | None:
        """Account name; None for an invited address."""
        return self._node.username

    @property
    def email(self) -> str | None:
        """Address."""
        return self._node.email

    @property
    def admin(self) -> bool:
        """Whether an administrator of the team."""
        return bool(self._node.admin)

    @property
    def role(self) -> str:
        """`admin` or `member`; on an asyncwb server also `viewer`."""
        return self._node.role or ("admin" if self.admin else "member")

    @property
    def pending(self) -> bool:
        """Whether invited and not there yet."""
        return bool(self._node.pending)

    @property
    def account_type(self) -> str | None:
        """USER, SERVICE ..."""
        return self._node.account_type

    @property
    def api_key(self) -> str | None:
        """Key of a service account, for administrators of the team; else None."""
        return self._node.api_key

    @property
    def photo_url(self) -> str | None:
        """Picture."""
        return self._node.photo_url

    @on_loop
    async def delete(self) -> bool:
        """Remove from the team; of somebody who is invited: take the invitation back.

        Returns:
            Whether the server did it; False where it refused.

        Raises:
            CommError: The server was not reached.
        """
        variables = {"team": self.team, "id": self.id}
        try:
            answer = await self._service.execute(REMOVE_MEMBER, variables)
        except CommError as exc:
            if refused(exc):
                return False
            raise
        return answer.result is not None and bool(answer.result.success)


class Team:
    """A team: an entity with members; made by `Api.team`."""

    def __init__(self, service: Service, node: TeamNode) -> None:
        self._service = service
        self._take(node)

    def _take(self, node: TeamNode) -> None:
        self._node = node
        self._members = [Member(self._service, node.name, member) for member in node.members]

    def __repr__(self) -> str:
        return f"<Team {self.name}>"

    def _automation_scope(self) -> TeamScope:
        return TeamScope(self.id, self.name)

    @property
    def id(self) -> str:
        """Opaque id of the entity."""
        return self._node.id

    @property
    def name(self) -> str:
        """Name; the entity of its projects."""
        return self._node.name

    @property
    def is_team(self) -> bool:
        """Whether it is a team: `Api.team` also finds the entity of a person."""
        return bool(self._node.is_team)

    @property
    def entity_type(self) -> str | None:
        """user, team or organization."""
        return self._node.entity_type

    @property
    def members(self) -> list[Member]:
        """Members and invited people, as of the last load."""
        return self._members

    @property
    def storage_bytes(self) -> int:
        """Bytes of the files of its runs."""
        return int(self._node.storage_bytes or 0)

    @property
    def available(self) -> bool | None:
        """Whether the name is free."""
        return self._node.available

    @property
    def photo_url(self) -> str | None:
        """Picture."""
        return self._node.photo_url

    @property
    def read_only(self) -> bool | None:
        """Whether nobody may write."""
        return self._node.read_only

    @property
    def read_only_admin(self) -> bool | None:
        """Whether this account may only read."""
        return self._node.read_only_admin

    @property
    def private_only(self) -> bool | None:
        """Whether its projects may not be public."""
        return self._node.private_only

    @property
    def code_saving_enabled(self) -> bool | None:
        """Whether runs save their code by default."""
        return self._node.code_saving_enabled

    @property
    def default_access(self) -> str | None:
        """Access of new projects."""
        return self._node.default_access

    @property
    def is_paid(self) -> bool | None:
        """Whether it is paid for."""
        return self._node.is_paid

    @classmethod
    @on_loop
    async def create(cls, api: Api, team: str, admin_username: str | None = None) -> Team:
        """The same as `Api.create_team`.

        Args:
            api: Who asks.
            team: Name.
            admin_username: Its first administrator; None: the account of the Api.

        Raises:
            CommError: As for `Api.create_team`.
        """
        return await create_team(api._service, team, admin_username)  # pyright: ignore[reportPrivateUsage]

    @on_loop
    async def load(self, force: bool = False) -> None:
        """Ask again for the members and all else.

        Args:
            force: Accepted for scripts that pass it: a load always asks.

        Raises:
            NotFoundError: The team is gone.
            CommError: The server refused or was not reached.
        """
        self._take((await fetch_team(self._service, self.name))._node)

    @on_loop
    async def invite(
        self,
        username_or_email: str,
        admin: bool = False,
        *,
        role: Literal["viewer", "member", "admin"] | None = None,
    ) -> bool:
        """Invite somebody: by account name, or by address where the text has an `@`.

        On an asyncwb server who has an account is a member at once; another address is one as
        soon as it gets an account.

        Args:
            username_or_email: Who.
            admin: Whether to make them an administrator of the team; the same as that role.
            role: What they may do: a viewer changes nothing of the team's, a member does, an
                administrator also adds and removes members. By default `member`. A server that
                is none of asyncwb refuses viewers.

        Returns:
            Whether the server did it; False where it refused, for example an account that is
            not there, or a member already.

        Raises:
            InvalidValueError: The text is empty, there is no such role, or it is another one than
                the administrator's with `admin`.
            CommError: The server was not reached.
        """
        who = username_or_email.strip()
        if not who:
            raise InvalidValueError("invite takes an account name or an e-mail address")
        if role not in (None, *_ROLES):
            raise InvalidValueError(f"unknown role {role!r}; there are {', '.join(_ROLES)}")
        if admin and role not in (None, "admin"):
            raise InvalidValueError(f"admin=True and role={role!r} contradict each other")
        by_address = "@" in who
        variables: dict[str, object] = {
            "team": self.name,
            "admin": admin or role == "admin",
            "email": who if by_address else None,
            "username": None if by_address else who,
        }
        operation = INVITE
        if role == "viewer":
            operation = INVITE_AS
            variables["role"] = role
        try:
            answer = await self._service.execute(operation, variables)
        except CommError as exc:
            if refused(exc):
                return False
            raise
        return answer.result is not None and answer.result.invite is not None

    @on_loop
    async def create_service_account(self, description: str) -> Member:
        """Add an account that is not a person, for programs.

        Args:
            description: What it is for; the name of the member.

        Returns:
            The member, with its key in `api_key` where the server tells it.

        Raises:
            InvalidValueError: The description is empty.
            CommError: The server refused or was not reached.
        """
        if not description.strip():
            raise InvalidValueError("a service account has a description")
        before = {member.id for member in self._members}
        await self._service.execute(
            CREATE_SERVICE_ACCOUNT, {"team": self.name, "description": description}
        )
        await self.load()
        new = [member for member in self._members if member.id not in before]
        if not new:
            raise NotFoundError(f"the new account {description!r} is no member of {self.name}")
        return new[-1]


async def fetch_team(service: Service, name: str) -> Team:
    """Ask for a team. In the loop.

    Raises:
        NotFoundError: There is none, or the account may not see it.
        CommError: The server refused or was not reached.
    """
    node = (await service.execute(TEAM, {"name": name})).entity
    if node is None:
        raise NotFoundError(f"Could not find team {name!r}")
    return Team(service, node)


async def create_team(service: Service, name: str, admin_username: str | None) -> Team:
    """Add a team. In the loop.

    Raises:
        CommError: The server refused, for example a name that is taken, or was not reached.
    """
    await service.execute(CREATE_TEAM, {"team": name, "admin": admin_username})
    return await fetch_team(service, name)
