"""What every resolver gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from graphql import GraphQLResolveInfo

    from asyncwb.server.auth import Authenticator
    from asyncwb.server.config import ServerConfig
    from asyncwb.server.metrics import Metrics
    from asyncwb.server.sessions import Sessions
    from asyncwb.server.signing import Signer
    from asyncwb.server.storage.accounts import User
    from asyncwb.server.storage.blobs import BlobStore
    from asyncwb.server.storage.database import Database
    from asyncwb.server.storage.search_indexes import SearchIndexes

__all__ = ["Context", "Info", "Node", "Services", "context_of"]

Node: TypeAlias = dict[str, Any]
"""A GraphQL object: fields by name; keys that begin with an underscore are for resolvers."""


@dataclass(frozen=True, slots=True)
class Services:
    """What lives as long as the application."""

    config: ServerConfig
    database: Database
    blobs: BlobStore
    signer: Signer
    authenticator: Authenticator
    sessions: Sessions
    searches: SearchIndexes
    metrics: Metrics


@dataclass(slots=True)
class Context:
    """One request: the services, who asks, and the base of URLs in the answer.

    Attributes:
        writer: Id of the writer that asks, in a run with several; "" otherwise.
        obsolete_blobs: Blobs to delete when the operation is done.
        projects: Projects that were asked for already, by row id.
    """

    services: Services
    user: User
    base_url: str
    writer: str = ""
    obsolete_blobs: list[str] = field(default_factory=list[str])
    projects: dict[int, Node] = field(default_factory=dict[int, Node])

    @property
    def database(self) -> Database:
        """The database."""
        return self.services.database

    @property
    def crashed_after(self) -> float:
        """Seconds of silence after which a run counts as crashed."""
        return self.services.config.crashed_after


Info: TypeAlias = "GraphQLResolveInfo[Any]"


def context_of(info: Info) -> Context:
    """The request a field is resolved for."""
    return cast("Context", info.context)
