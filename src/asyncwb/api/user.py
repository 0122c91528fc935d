"""People as the server knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec

from asyncwb.errors import (
    CommError,
    GraphQLError,
    InvalidValueError,
    NotFoundError,
    ProtocolError,
)
from asyncwb.graphql.account_operations import (
    CREATE_KEY,
    CREATE_KEY_FOR,
    CREATE_USER,
    DELETE_KEY,
    USERS,
)
from asyncwb.jsonx import decode
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from asyncwb.api.api import Api
    from asyncwb.graphql.api_answers import ApiKeyNode, UserNode
    from asyncwb.graphql.service import Service

__all__ = ["User", "create_user", "find_users", "refused"]


class User:
    """A user of the server; of the user of a run only the two names are known.

    Attributes are what the server said when the user was loaded and never wait.
    """

    def __init__(self, service: Service, node: UserNode) -> None:
        self._service = service
        self._node = node
        self._key: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, User) and other._node == self._node

    def __hash__(self) -> int:
        return hash((self._node.id, self._node.username))

    def __repr__(self) -> str:
        return f"<User {self.username or self.email or self.name or self.id}>"

    @property
    def id(self) -> str | None:
        """Opaque id."""
        return self._node.id

    @property
    def username(self) -> str | None:
        """Account name."""
        return self._node.username

    @property
    def name(self) -> str | None:
        """Name for people."""
        return self._node.name

    @property
    def email(self) -> str | None:
        """Address."""
        return self._node.email

    @property
    def entity(self) -> str | None:
        """Default entity."""
        return self._node.entity

    @property
    def admin(self) -> bool:
        """Whether an administrator of the installation."""
        return bool(self._node.admin)

    @property
    def flags(self) -> dict[str, Any]:
        """Feature flags of the account."""
        value = decode(self._node.flags) if self._node.flags else None
        return cast("dict[str, Any]", value) if isinstance(value, dict) else {}

    @property
    def deleted_at(self) -> str | None:
        """ISO time of the end of the account; None: it is in use."""
        return self._node.deleted_at

    @property
    def teams(self) -> list[str]:
        """Names of the teams, as far as this account may see them."""
        return [] if self._node.teams is None else [e.node.name for e in self._node.teams.edges]

    @property
    def api_keys(self) -> list[str]:
        """Names of the keys that this account may see; a name is no key."""
        return [key.name for key in self._keys()]

    @property
    def user_api(self) -> Api | None:
        """An Api that works as this user, with the newest key of `generate_api_key`."""
        if self._key is None:
            return None
        from asyncwb.api.api import Api

        settings = msgspec.structs.replace(self._service.settings, api_key=self._key)
        return Api(settings=settings)

    @classmethod
    @on_loop
    async def create(cls, api: Api, email: str, admin: bool | None = False) -> User:
        """The same as `Api.create_user`.

        Args:
            api: Who asks; an administrator.
            email: Address of the new user.
            admin: Whether to make an administrator of the installation.

        Raises:
            CommError: As for `Api.create_user`.
        """
        return await create_user(api._service, email, admin)  # pyright: ignore[reportPrivateUsage]

    @on_loop
    async def generate_api_key(self, description: str | None = None) -> str:
        """Make a key for this user. Keep it: the server does not show it again.

        Keys of other users can be made by administrators of an asyncwb server.

        Args:
            description: What it is for.

        Returns:
            The key.

        Raises:
            CommError: The server refused or was not reached.
        """
        variables: dict[str, object] = {"description": description}
        operation = CREATE_KEY
        if self.username != (await self._service.viewer()).username:
            operation = CREATE_KEY_FOR
            variables["username"] = self.username
        made = (await self._service.execute(operation, variables)).result
        if made is None or made.api_key is None:
            raise ProtocolError(f"the server made no key for {self.username}")
        self._key = made.api_key.name
        await self._reload()
        return self._key

    @on_loop
    async def delete_api_key(self, api_key: str) -> bool:
        """Take a key away. Its owner may do so, and an administrator.

        Args:
            api_key: The name of the key, as in `api_keys`.

        Returns:
            Whether the server did it.

        Raises:
            InvalidValueError: The user has no key of that name.
            CommError: The server was not reached.
        """
        found = [key for key in self._keys() if key.name == api_key]
        if not found:
            raise InvalidValueError("no key of that name is in user.api_keys")
        try:
            answer = await self._service.execute(DELETE_KEY, {"id": found[0].id})
        except CommError as exc:
            if refused(exc):
                return False
            raise
        if answer.result is None or not answer.result.success:
            return False
        await self._reload()
        return True

    def _keys(self) -> list[ApiKeyNode]:
        keys = self._node.api_keys
        return [] if keys is None else [e.node for e in keys.edges if e.node is not None]

    async def _reload(self) -> None:
        self._service.forget()
        if self.username is None:
            return
        for found in await find_users(self._service, self.username):
            if found.username == self.username:
                self._node = found._node


async def find_users(service: Service, text: str) -> list[User]:
    """Users whose name or address has a text. In the loop.

    Raises:
        InvalidValueError: The text is empty.
        CommError: The server refused or was not reached.
    """
    if not text.strip():
        raise InvalidValueError("users are searched by a user name or an e-mail address")
    listed = (await service.execute(USERS, {"query": text.strip()})).users
    edges = [] if listed is None else listed.edges
    return [User(service, edge.node) for edge in edges if edge.node is not None]


async def create_user(service: Service, email: str, admin: bool | None) -> User:
    """Add a user. In the loop.

    Raises:
        InvalidValueError: The address is none.
        CommError: The server refused or was not reached.
    """
    if "@" not in email.strip("@"):
        raise InvalidValueError(f"not an e-mail address: {email!r}")
    made = (await service.execute(CREATE_USER, {"email": email, "admin": admin})).result
    if made is None or made.user is None:
        raise ProtocolError(f"the server added no user {email}")
    for found in await find_users(service, email):
        if found.id == made.user.id:
            return found
    raise NotFoundError(f"the server added the user {email} and does not know them")


def refused(exc: CommError) -> bool:
    """Whether a server that knows the account did not want to do what was asked."""
    forbidden = exc.response is not None and exc.response.status == 403
    return forbidden or isinstance(exc, GraphQLError)
