"""What all objects of one Api share: settings, connection, a bound on requests in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import urlsplit

import anyio

from asyncwb.credentials import find_key, require_key
from asyncwb.errors import AuthenticationError
from asyncwb.graphql import GraphQL
from asyncwb.graphql.api_operations import FEATURES, ORGANIZATIONS, VIEWER
from asyncwb.graphql.flight import PerProcess
from asyncwb.transport import Auth, Transport, TransportConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncwb.graphql import Operation
    from asyncwb.graphql.api_answers import OrganizationNode, UserNode
    from asyncwb.settings import Settings

__all__ = ["MAX_IN_FLIGHT", "USER_AGENT", "Service"]

T = TypeVar("T")

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

USER_AGENT = "asyncwb (api)"
"""How requests of an Api name themselves."""

# Disks want several writers; more of them would take the interpreter from the caller's loop.
_FILE_WORKERS = 3
MAX_IN_FLIGHT = 16
"""Requests that one Api has in flight at most, over all its iterators."""


class Service:
    """The way of one `Api` to its server. Use it in asyncwb's loop.

    Args:
        settings: Where the server is; the key is looked up with the first request.
        timeout: Seconds for one call with all its retries.
        config: Server and credentials, where they are known already.
    """

    def __init__(
        self, settings: Settings, timeout: float, *, config: TransportConfig | None = None
    ) -> None:
        self.settings = settings
        self.timeout = timeout
        self._limiter = PerProcess(lambda: anyio.CapacityLimiter(MAX_IN_FLIGHT))
        self._file_work = PerProcess(lambda: anyio.CapacityLimiter(_FILE_WORKERS))
        self._asking = PerProcess(anyio.Lock)
        # On the way to this machine compression costs more time than it saves.
        local = urlsplit(settings.base_url).hostname in _LOOPBACK
        self._headers = {"Accept-Encoding": "identity"} if local else {}
        self._config = config
        self._viewer: UserNode | None = None
        self._features: frozenset[str] | None = None
        self._organizations: dict[str, list[OrganizationNode]] = {}

    async def transport(self) -> Transport:
        """The connection with this Api's credentials.

        Raises:
            AuthenticationError: There is no key, or what there is cannot be one.
        """
        if self._config is None:
            settings = self.settings
            found = await anyio.to_thread.run_sync(require_key, settings)
            self._config = TransportConfig(
                base_url=settings.base_url,
                auth=Auth.basic(found.key),
                http2=settings.http2,
                ca_file=settings.ca_file,
                insecure=settings.insecure,
                extra_headers=settings.extra_http_headers,
                user_agent=USER_AGENT,
                auth_hint=f"The key used came from {found.source}.",
            )
        return await Transport.shared(self._config)

    async def execute(
        self,
        operation: Operation[T],
        variables: Mapping[str, object],
        *,
        lane: Literal["control", "bulk"] | None = None,
    ) -> T:
        """Send one operation; waits while `MAX_IN_FLIGHT` others are under way.

        Raises:
            CommError: See `GraphQL.execute`.
        """
        graphql = GraphQL(
            await self.transport(), deadline_seconds=self.timeout, headers=self._headers
        )
        async with self._limiter.get():
            return await graphql.execute(operation, variables, lane=lane)

    async def viewer(self) -> UserNode:
        """The account of the key, asked for once.

        Raises:
            AuthenticationError: The server knows no account for the key.
        """
        if self._viewer is None:
            viewer = (await self.execute(VIEWER, {})).viewer
            if viewer is None:
                raise AuthenticationError(
                    f"{self.settings.base_url} knows no account for the API key. Keys come from "
                    "the api_key argument, WANDB_API_KEY and netrc; `asyncwb login` stores one"
                )
            self._viewer = viewer
        return self._viewer

    async def entity(self, named: str | None) -> str:
        """The entity named, else the default one of the account.

        Raises:
            AuthenticationError: The account has no default entity.
        """
        if named is not None:
            return named
        entity = (await self.viewer()).entity
        if not entity:
            raise AuthenticationError(
                "the account has no default entity: name one, as in entity/project"
            )
        return entity

    async def has_feature(self, name: str) -> bool:
        """Whether the server has switched a feature on; asked once for all of them."""
        async with self._asking.get():
            if self._features is None:
                info = (await self.execute(FEATURES, {})).server_info
                listed = (info.features if info is not None else None) or []
                self._features = frozenset(item.name for item in listed if item.is_enabled)
            return name in self._features

    @property
    def file_work(self) -> anyio.CapacityLimiter:
        """How many threads write and check files at once, over all downloads of one Api."""
        return self._file_work.get()

    async def organizations(self, entity: str) -> list[OrganizationNode]:
        """The organizations of a user or team; asked for once for each entity."""
        if entity not in self._organizations:
            node = (await self.execute(ORGANIZATIONS, {"entity": entity})).entity
            self._organizations[entity] = [] if node is None else node.all()
        return self._organizations[entity]

    def organization_behind(self, entity: str) -> str:
        """Name of the organization that an entity stands for, if it was asked for; else itself."""
        for listed in self._organizations.values():
            for one in listed:
                if one.org_entity is not None and one.org_entity.name == entity:
                    return one.name
        return entity

    async def api_key(self) -> str | None:
        """The key in use; None where there is none."""
        found = await anyio.to_thread.run_sync(find_key, self.settings)
        return None if found is None else found.key

    def forget(self) -> None:
        """Forget what was asked once."""
        self._viewer = self._features = None
        self._organizations = {}
