"""`/admin/...`: users, keys, teams and organizations, for administrators of the server.

Bodies and answers are JSON objects. Only `POST` of a user or a key shows a key, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import msgspec

from asyncwb.server.jsontext import decode_as
from asyncwb.server.problems import Problem, conflict, forbidden, invalid
from asyncwb.server.storage import administration as store
from asyncwb.server.storage import organizations, teams
from asyncwb.server.storage.policy import check_role

from .answers import json_response, read_body

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.storage.accounts import User

__all__ = ["AdminEndpoints"]

_LARGEST = 16 * 1024
T = TypeVar("T", bound=msgspec.Struct)
_Handler: TypeAlias = "Callable[[Request, User], Awaitable[Response]]"


class _NewUser(msgspec.Struct):
    username: str
    admin: bool = False
    role: str | None = None
    email: str = ""
    api_key: str | None = None


class _NewKey(msgspec.Struct):
    description: str | None = None
    api_key: str | None = None


class _NewRole(msgspec.Struct):
    role: str


class _NewOrganization(msgspec.Struct):
    name: str
    username: str


class _NewMember(msgspec.Struct):
    username: str
    role: str = "member"


class _NewTeam(msgspec.Struct):
    name: str
    username: str
    organization: str | None = None


class AdminEndpoints:
    """Administration over HTTP.

    Args:
        services: Database, blobs and who is calling.
        first: Name of the data folder's own user.
    """

    def __init__(self, services: Services, first: str) -> None:
        self._services = services
        self._first = first

    def routes(self, make: Callable[..., Route]) -> list[Route]:
        """All routes.

        Args:
            make: Makes one, from path, handler and method.
        """

        def route(path: str, handle: _Handler, method: str) -> Route:
            return make(path, self._guarded(handle), method)

        user, team = "/admin/users/{username}", "/admin/teams/{name}"
        organization = "/admin/organizations/{name}"
        return [
            route("/admin/users", self.users, "GET"),
            route("/admin/users", self.add_user, "POST"),
            route(user, self.delete_user, "DELETE"),
            route(f"{user}/role", self.change_role, "POST"),
            route(f"{user}/keys", self.keys, "GET"),
            route(f"{user}/keys", self.add_key, "POST"),
            route(f"{user}/keys/{{key}}", self.delete_key, "DELETE"),
            route("/admin/organizations", self.organizations, "GET"),
            route("/admin/organizations", self.add_organization, "POST"),
            route(organization, self.delete_organization, "DELETE"),
            route(f"{organization}/members", self.organization_members, "GET"),
            route(f"{organization}/members", self.put_organization_member, "POST"),
            route(
                f"{organization}/members/{{username}}", self.remove_organization_member, "DELETE"
            ),
            route("/admin/teams", self.teams, "GET"),
            route("/admin/teams", self.add_team, "POST"),
            route(team, self.delete_team, "DELETE"),
            route(f"{team}/members", self.team_members, "GET"),
            route(f"{team}/members", self.put_team_member, "POST"),
            route(f"{team}/members/{{username}}", self.remove_team_member, "DELETE"),
        ]

    # -- users and keys ---------------------------------------------------------------------------

    async def users(self, request: Request, _caller: User) -> Response:
        """`GET`: all users."""
        return await self._read(lambda db: {"users": store.list_users(db)})

    async def add_user(self, request: Request, _caller: User) -> Response:
        """`POST {"username", "admin"[, "api_key", "role", "email"]}`: `{"api_key"}`."""
        body = await _body(request, _NewUser)
        role = check_role(body.role or ("admin" if body.admin else "member"))

        def change(db: Connection) -> Any:
            key = store.add_user(db, body.username, role, body.email, body.api_key)
            return {"api_key": key}

        return await self._write(change)

    async def change_role(self, request: Request, _caller: User) -> Response:
        """`POST {"role"}`: the role of a user on the server."""
        body = await _body(request, _NewRole)
        role, username = check_role(body.role), request.path_params["username"]

        def change(db: Connection) -> Any:
            store.change_role(db, username, role, self._first)
            return {"username": username, "role": role}

        return await self._write(change)

    async def delete_user(self, request: Request, caller: User) -> Response:
        """`DELETE`: a user with the personal entity."""
        username = request.path_params["username"]
        return await self._delete(
            caller, lambda db: store.delete_user(db, username, self._first), username=username
        )

    async def keys(self, request: Request, _caller: User) -> Response:
        """`GET`: a user's keys, by their first digits."""
        username = request.path_params["username"]
        return await self._read(
            lambda db: {"keys": store.list_keys(db, store.known_user(db, username))}
        )

    async def add_key(self, request: Request, _caller: User) -> Response:
        """`POST {["description", "api_key"]}`: `{"api_key"}`."""
        body = await _body(request, _NewKey)
        username = request.path_params["username"]

        def change(db: Connection) -> Any:
            user = store.known_user(db, username)
            return {"api_key": store.new_key(db, user, body.description, body.api_key)}

        return await self._write(change)

    async def delete_key(self, request: Request, _caller: User) -> Response:
        """`DELETE`: the key that begins with these ten characters, or has this number."""
        username, key = request.path_params["username"], request.path_params["key"]

        def change(db: Connection) -> Any:
            store.remove_key(db, store.known_user(db, username), key)
            return {"username": username}

        return await self._write(change)

    # -- organizations ----------------------------------------------------------------------------

    async def organizations(self, request: Request, _caller: User) -> Response:
        """`GET`: all organizations, the server's own first."""
        return await self._read(
            lambda db: {
                "organizations": [
                    {"name": row.name, "entity": row.entity_name}
                    for row in organizations.list_organizations(db)
                ]
            },
        )

    async def add_organization(self, request: Request, _caller: User) -> Response:
        """`POST {"name", "username"}`: an organization with its administrator."""
        body = await _body(request, _NewOrganization)

        def change(db: Connection) -> Any:
            head = store.known_user(db, body.username)
            if not organizations.is_led_by(db, body.name, head):
                organizations.create_organization(db, body.name, head)
            return {"name": body.name}

        return await self._write(change)

    async def delete_organization(self, request: Request, _caller: User) -> Response:
        """`DELETE`: an organization with its registries."""
        name = request.path_params["name"]

        def change(db: Connection) -> Any:
            organizations.delete_organization(db, name)
            return {"name": name}

        return await self._write(change)

    async def organization_members(self, request: Request, _caller: User) -> Response:
        """`GET`: who belongs to an organization, and their roles."""
        name = request.path_params["name"]
        return await self._read(
            lambda db: {
                "members": [
                    {"username": username, "role": role}
                    for username, role in organizations.list_members(db, name)
                ]
            },
        )

    async def put_organization_member(self, request: Request, _caller: User) -> Response:
        """`POST {"username", "role"}`: add a member, or change the role of one."""
        body = await _body(request, _NewMember)
        name, role = request.path_params["name"], check_role(body.role)

        def change(db: Connection) -> Any:
            organizations.put_member(db, name, store.known_user(db, body.username), role)
            return {"username": body.username, "role": role}

        return await self._write(change)

    async def remove_organization_member(self, request: Request, _caller: User) -> Response:
        """`DELETE`: take somebody out of an organization."""
        path = request.path_params

        def change(db: Connection) -> Any:
            user = store.known_user(db, path["username"])
            organizations.remove_member(db, path["name"], user)
            return {"username": user.username}

        return await self._write(change)

    # -- teams ------------------------------------------------------------------------------------

    async def teams(self, request: Request, _caller: User) -> Response:
        """`GET`: all teams."""
        return await self._read(lambda db: {"teams": store.list_teams(db)})

    async def add_team(self, request: Request, caller: User) -> Response:
        """`POST {"name", "organization", "username"}`: a team with its administrator.

        Without an organization it belongs to the first of that user.
        """
        body = await _body(request, _NewTeam)

        def change(db: Connection) -> Any:
            if not teams.is_led_by(db, body.name, body.organization, body.username):
                teams.create_team(db, caller, body.name, body.username, body.organization)
            return {"name": body.name}

        return await self._write(change)

    async def delete_team(self, request: Request, caller: User) -> Response:
        """`DELETE`: a team with everything that it owns."""
        name = request.path_params["name"]
        return await self._delete(caller, lambda db: store.delete_team(db, name), name=name)

    async def team_members(self, request: Request, _caller: User) -> Response:
        """`GET`: members of a team, and their roles."""
        name = request.path_params["name"]

        def query(db: Connection) -> Any:
            rows = teams.list_members(db, store.team_row_id(db, name))
            return {"members": [{"username": r.username, "role": r.team_role} for r in rows]}

        return await self._read(query)

    async def put_team_member(self, request: Request, caller: User) -> Response:
        """`POST {"username", "role"}`: add a member, or change the role of one."""
        body = await _body(request, _NewMember)
        name, role = request.path_params["name"], check_role(body.role)

        def change(db: Connection) -> Any:
            store.team_row_id(db, name)
            user = store.known_user(db, body.username)
            try:
                teams.invite(db, caller, name, username=user.username, email=None, role=role)
            except Problem as problem:
                if problem.status != 409:
                    raise
                teams.change_member(db, caller, name, user.id, role)
            return {"username": user.username, "role": role}

        return await self._write(change)

    async def remove_team_member(self, request: Request, caller: User) -> Response:
        """`DELETE`: take somebody out of a team."""
        path = request.path_params

        def change(db: Connection) -> Any:
            store.team_row_id(db, path["name"])
            user = store.known_user(db, path["username"])
            teams.remove_member(db, caller, path["name"], user.id)
            return {"username": user.username}

        return await self._write(change)

    # -- what all have in common ------------------------------------------------------------------

    def _guarded(self, handle: _Handler) -> Callable[[Request], Awaitable[Response]]:
        """A handler that administrators of the server reach: others get 401 or 403."""

        async def guarded(request: Request) -> Response:
            user = await self._services.authenticator.user(request)
            if not user.admin:
                raise forbidden("only administrators of the server may do this")
            return await handle(request, user)

        return guarded

    async def _read(self, query: Callable[[Connection], Any]) -> Response:
        return json_response(await self._services.database.read(query))

    async def _write(self, change: Callable[[Connection], Any]) -> Response:
        answer = await self._services.database.write(change)
        # at once, and not when what is remembered of keys and roles has grown old
        self._services.authenticator.forget()
        response = json_response(answer)
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _delete(
        self, caller: User, change: Callable[[Connection], list[str]], **answer: str
    ) -> Response:
        if caller.username == answer.get("username"):
            raise conflict("nobody deletes oneself")
        blobs = await self._services.database.write(change)
        self._services.authenticator.forget()
        await self._services.blobs.remove(blobs)
        return json_response(answer)


async def _body(request: Request, kind: type[T]) -> T:
    body = await read_body(request, _LARGEST)
    try:
        return decode_as(msgspec.json.Decoder(kind), body or b"{}")
    except (msgspec.MsgspecError, Problem) as exc:
        raise invalid(f"not what this takes: {exc}") from exc
