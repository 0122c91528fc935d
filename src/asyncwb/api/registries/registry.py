"""One registry: what is said of it, what is in it, and who its members are."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from asyncwb.api.registries.changes import (
    ACCESS,
    changed,
    check_name,
    check_visibility,
    fetch,
    require_changes,
    visibility_of,
)
from asyncwb.api.registries.filters import of_registry
from asyncwb.api.registries.members import ids_of, role_name, team_member, user_member
from asyncwb.api.registries.operations import (
    ADD_MEMBERS,
    DELETE_REGISTRY,
    REMOVE_MEMBERS,
    RENAME_REGISTRY,
    TEAM_MEMBERS,
    UPDATE_TEAM,
    UPDATE_USER,
    UPSERT_REGISTRY,
    USER_MEMBERS,
)
from asyncwb.api.registries.scopes import Scope
from asyncwb.api.registries.search import Collections, Versions
from asyncwb.api.registries.types import AddOnlyArtifactTypesList
from asyncwb.artifacts.names import REGISTRY_PREFIX
from asyncwb.automations.scopes import RegistryScope
from asyncwb.errors import InvalidValueError, ProtocolError, RegistryNotFoundError
from asyncwb.portal import on_loop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from asyncwb.api.registries.changes import Visibility
    from asyncwb.api.registries.members import Member, MemberRole, TeamMember, UserMember
    from asyncwb.api.registries.operations import RegistryNode, SuccessData
    from asyncwb.graphql.operation import Operation
    from asyncwb.graphql.service import Service

__all__ = ["Registry"]


class Registry:
    """A registry of an organization; made by `Api.registry` and `Api.create_registry`.

    Name, description, visibility and what types it takes can be set; `save()` sends them.
    """

    def __init__(self, service: Service, organization: str, node: RegistryNode) -> None:
        self._service = service
        self._organization = organization
        self._take(node)

    def __repr__(self) -> str:
        return f"<Registry {self.organization}/{self.full_name}>"

    def _automation_scope(self) -> RegistryScope:
        return RegistryScope(self.id, self.full_name)

    @property
    def id(self) -> str:
        """Opaque id."""
        return self._node.id

    @property
    def internal_id(self) -> str | None:
        """Opaque id that holds the number by which registries are searched."""
        return self._node.internal_id

    @property
    def full_name(self) -> str:
        """Name of its project: the name with `wandb-registry-` before it."""
        return REGISTRY_PREFIX + self._name

    @property
    def name(self) -> str:
        """Name, without `wandb-registry-`; `save()` sends a new one.

        Raises:
            InvalidValueError: Set to what is no name of a registry.
        """
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = check_name(value)

    @property
    def entity(self) -> str:
        """Entity of the organization, which owns the registry."""
        return self._node.entity.name

    @property
    def organization(self) -> str:
        """Name of the organization."""
        return self._organization

    @property
    def path(self) -> list[str]:
        """Entity and full name."""
        return [self.entity, self.full_name]

    @property
    def description(self) -> str | None:
        """Description; `save()` sends a new one."""
        return self._description

    @description.setter
    def description(self, value: str | None) -> None:
        self._description = value

    @property
    def visibility(self) -> Visibility:
        """Who sees it: everybody in the `organization`, or (`restricted`) its members alone.

        Raises:
            InvalidValueError: Set to anything else.
        """
        return self._visibility

    @visibility.setter
    def visibility(self, value: Visibility) -> None:
        self._visibility: Visibility = check_visibility(value)

    @property
    def allow_all_artifact_types(self) -> bool:
        """Whether artifacts of all types can be linked, or only `artifact_types`."""
        return self._allow_all

    @allow_all_artifact_types.setter
    def allow_all_artifact_types(self, value: bool) -> None:
        self._allow_all = bool(value)

    @property
    def artifact_types(self) -> AddOnlyArtifactTypesList:
        """The types that can be linked; where all can, those that are or were there.

        `append` adds one, which `save()` sends; a type that is saved stays.
        """
        return self._types

    @property
    def created_at(self) -> str | None:
        """When it was made, in ISO form."""
        return self._node.created_at

    @property
    def updated_at(self) -> str | None:
        """When it was last changed, in ISO form."""
        return self._node.updated_at

    # -- what is in it ----------------------------------------------------------------------

    def collections(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Collections:
        """Its collections. Sends nothing before the first one.

        Args:
            filter: As for `Registries.collections`, e.g. `{"name": {"$regex": "^b"}, "tag": "x"}`.
            order: As for `Registries.collections`.
            per_page: Collections asked for at once.
            start: As for `Registries.collections`.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Collections(
            self._service, self._organization, registry_filter=self._search_filter(),
            filter=filter, order=order, per_page=per_page, start=start,
        )  # fmt: skip

    def versions(
        self,
        filter: Mapping[str, Any] | None = None,
        order: str | None = None,
        per_page: int = 100,
        start: str | None = None,
    ) -> Versions:
        """The versions in its collections. Sends nothing before the first one.

        Args:
            filter: As for `Registries.versions`, e.g. `{"alias": "production"}`.
            order: As for `Registries.versions`.
            per_page: Versions asked for at once.
            start: As for `collections`.

        Raises:
            InvalidValueError: An argument is wrong.
        """
        return Versions(
            self._service, self._organization, scope=Scope(self._search_filter()),
            filter=filter, order=order, per_page=per_page, start=start,
        )  # fmt: skip

    # -- changes ----------------------------------------------------------------------------

    @on_loop
    async def load(self) -> None:
        """Ask the server anew; what was changed and not saved is lost.

        Raises:
            RegistryNotFoundError: It is gone, or was renamed.
            CommError: The server refused or was not reached.
        """
        found = await fetch(self._service, self._organization, self.entity, self._node.name)
        self._take(found)

    @on_loop
    async def save(self) -> None:
        """Send what was changed: name, description, visibility and types.

        Raises:
            InvalidValueError: There are new types, and all are allowed already.
            UnsupportedError: The server cannot change registries.
            CommError: The server refused, for example a name that is taken, or was not reached.
        """
        await require_changes(self._service)
        new = self._types.draft
        if new and self._allow_all:
            raise InvalidValueError(
                "types are only added to a registry that takes some: set "
                "allow_all_artifact_types to False first"
            )
        wanted_name, old_name = self.full_name, self._node.name
        node = await changed(
            self._service,
            UPSERT_REGISTRY,
            {
                "entityName": self.entity,
                "name": old_name,
                "description": self._description,
                "access": ACCESS[self._visibility],
                "allowAllArtifactTypesInRegistry": self._allow_all,
                "artifactTypes": [{"name": kind} for kind in new] or None,
            },
        )
        if wanted_name != old_name:
            # What has been saved so far is known even where the new name is refused.
            self._take(node)
            node = await changed(
                self._service,
                RENAME_REGISTRY,
                {
                    "entityName": self.entity,
                    "oldProjectName": old_name,
                    "newProjectName": wanted_name,
                },
            )
        self._take(node)

    @on_loop
    async def delete(self) -> None:
        """Delete it with all its collections; the versions linked there stay where they are.

        Cannot be undone.

        Raises:
            CommError: The server refused or was not reached.
        """
        await self._do(DELETE_REGISTRY, {"id": self.id}, "delete the registry")

    # -- members ----------------------------------------------------------------------------

    @on_loop
    async def user_members(self) -> list[UserMember]:
        """The users that are members, with their roles.

        Raises:
            RegistryNotFoundError: The registry is gone.
            CommError: The server refused or was not reached.
        """
        found = (await self._service.execute(USER_MEMBERS, self._where)).project
        if found is None:
            self._gone()
        return [user_member(self._service, node) for node in found.members]

    @on_loop
    async def team_members(self) -> list[TeamMember]:
        """The teams that are members, with their roles.

        Raises:
            RegistryNotFoundError: The registry is gone.
            CommError: The server refused or was not reached.
        """
        found = (await self._service.execute(TEAM_MEMBERS, self._where)).project
        if found is None:
            self._gone()
        return [team_member(self._service, node) for node in found.team_members]

    @on_loop
    async def members(self) -> list[UserMember | TeamMember]:
        """All members: users, then teams.

        Raises:
            RegistryNotFoundError: The registry is gone.
            CommError: The server refused or was not reached.
        """
        return [*await self.user_members(), *await self.team_members()]

    @on_loop
    async def add_members(self, *members: Member) -> Registry:
        """Make users and teams members, as viewers, administrators as admins; returns self.

        Args:
            members: Users, teams, members of a registry, or ids of users and teams.

        Raises:
            InvalidValueError: There are none, or one is none of these.
            CommError: The server refused or was not reached.
        """
        await self._change_members(ADD_MEMBERS, members, "add members to")
        return self

    @on_loop
    async def remove_members(self, *members: Member) -> Registry:
        """Let users and teams be members no longer, if they are; returns self.

        Args:
            members: Users, teams, members of a registry, or ids of users and teams.

        Raises:
            InvalidValueError: There are none, or one is none of these.
            CommError: The server refused or was not reached.
        """
        await self._change_members(REMOVE_MEMBERS, members, "remove members from")
        return self

    @on_loop
    async def update_member(self, member: Member, role: MemberRole | str) -> Registry:
        """Give a member another role; returns self.

        Args:
            member: A user, a team, a member of a registry, or the id of a user or team.
            role: `admin`, `member`, `viewer` or `restricted_viewer`.

        Raises:
            InvalidValueError: The role is unknown, or the member is none of these.
            CommError: The server refused, for example one that is no member, or was not reached.
        """
        name = role_name(role)
        users, teams = ids_of([member])
        if users:
            operation, wanted = UPDATE_USER, {"userId": users[0], "userProjectRole": name}
        else:
            operation, wanted = UPDATE_TEAM, {"teamId": teams[0], "teamProjectRole": name}
        wanted["projectId"] = self.id
        await self._do(operation, {"input": wanted}, "change a member of")
        return self

    # -- inside -----------------------------------------------------------------------------

    @property
    def _where(self) -> dict[str, str]:
        return {"entity": self.entity, "project": self._node.name}

    def _search_filter(self) -> dict[str, Any]:
        """The filter that this registry alone fulfils."""
        return of_registry(self._node.internal_id, self._node.name)

    async def _change_members(
        self, operation: Operation[SuccessData], members: Sequence[Member], what: str
    ) -> None:
        if not members:
            raise InvalidValueError(f"name at least one user or team to {what} the registry")
        users, teams = ids_of(members)
        wanted = {"projectId": self.id, "userIds": users, "teamIds": teams}
        await self._do(operation, {"input": wanted}, what)

    async def _do(
        self, operation: Operation[SuccessData], variables: Mapping[str, object], what: str
    ) -> None:
        result = (await self._service.execute(operation, variables)).result
        if result is None or not result.success:
            raise ProtocolError(f"the server did not {what} {self.full_name}")

    def _gone(self) -> NoReturn:
        raise RegistryNotFoundError(f"the registry {self._organization}/{self._node.name} is gone")

    def _take(self, node: RegistryNode) -> None:
        """Take over what the server says."""
        self._node = node
        self._name = node.name.removeprefix(REGISTRY_PREFIX)
        self._description = node.description
        self.visibility = visibility_of(node)
        self._allow_all = node.allow_all_artifact_types
        self._types = AddOnlyArtifactTypesList(node.types)
