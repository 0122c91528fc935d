"""What an Api says of people and teams, and changes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from asyncwb.api.team import Team, create_team, fetch_team
from asyncwb.api.user import User, create_user, find_users
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from asyncwb.graphql.service import Service

__all__ = ["Administration"]

log = logging.getLogger("asyncwb.api")


class Administration:
    """Users and teams."""

    _service: Service

    @on_loop
    async def user(self, username_or_email: str) -> User | None:
        """The user of a name or address.

        Args:
            username_or_email: The whole of it, or a part.

        Returns:
            The one of exactly this name or address, else the first that has it as a part, which
            is logged as a warning where there are several; None where there is none.

        Raises:
            InvalidValueError: The text is empty.
            CommError: The server refused or was not reached.
        """
        found = await find_users(self._service, username_or_email)
        for user in found:
            if username_or_email in (user.username, user.email):
                return user
        if len(found) > 1:
            log.warning(
                "%d users fit %r; the first is taken. api.users() gives all of them",
                len(found), username_or_email,
            )  # fmt: skip
        return found[0] if found else None

    @on_loop
    async def users(self, username_or_email: str) -> list[User]:
        """The users whose name or address has a text.

        Args:
            username_or_email: The text.

        Raises:
            InvalidValueError: The text is empty.
            CommError: The server refused or was not reached.
        """
        return await find_users(self._service, username_or_email)

    @on_loop
    async def create_user(self, email: str, admin: bool | None = False) -> User:
        """Add a user; for administrators of an installation.

        On an asyncwb server the account has no key: `await user.generate_api_key()` makes one.

        Args:
            email: Address; its part before the `@` becomes the user name.
            admin: Whether to make an administrator of the installation.

        Raises:
            InvalidValueError: The address is none.
            CommError: The server refused, for example a name that is taken, or was not reached.
        """
        return await create_user(self._service, email, admin)

    @on_loop
    async def team(self, team: str) -> Team:
        """Load a team with its members.

        Args:
            team: Name.

        Raises:
            NotFoundError: There is none, or this account may not see it.
            CommError: The server refused or was not reached.
        """
        return await fetch_team(self._service, team)

    @on_loop
    async def create_team(self, team: str, admin_username: str | None = None) -> Team:
        """Add a team.

        Args:
            team: Name; the entity of its projects.
            admin_username: Its first administrator; None: the account of this Api.

        Raises:
            CommError: The server refused, for example a name that is taken, or was not reached.
        """
        return await create_team(self._service, team, admin_username)
