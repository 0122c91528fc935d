"""`/-/session`: sign in to the page, see who is signed in, sign out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asyncwb.server.jsontext import decode_as
from asyncwb.server.links import read_link
from asyncwb.server.problems import Problem, invalid
from asyncwb.server.storage import sessions as store
from asyncwb.server.storage.parquet import is_installed
from asyncwb.version import VERSION

from .answers import base_url, json_response, read_body

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from asyncwb.server.resolvers.context import Services
    from asyncwb.server.storage.accounts import User

__all__ = ["SessionEndpoint"]

_LARGEST = 4096


class _SignIn(msgspec.Struct):
    key: str | None = None
    link: str | None = None


_sign_in = msgspec.json.Decoder(_SignIn)


class SessionEndpoint:
    """Sessions of the page.

    Args:
        services: Database and sessions.
        secret: The server's signing secret.
    """

    def __init__(self, services: Services, secret: bytes) -> None:
        self._services = services
        self._secret = secret

    async def show(self, request: Request) -> Response:
        """`GET`: who is signed in, with the token of changes; `user` is null for nobody."""
        token = self._services.sessions.token(request)
        user = None if token is None else await self._services.authenticator.session_user(token)
        return self._answer(user, token)

    async def begin(self, request: Request) -> Response:
        """`POST` of `{"key": ...}` or `{"link": ...}`: sign in."""
        services = self._services
        # Forms of other sites cannot send this type, so that nobody signs a visitor in.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise Problem(415, "send JSON")
        body = await read_body(request, _LARGEST)
        try:
            given = decode_as(_sign_in, body)
        except (msgspec.MsgspecError, Problem) as exc:
            raise invalid(f"not a sign-in: {exc}") from exc

        def begin(db: Connection) -> str:
            if given.link is not None:
                username, expires_at = read_link(self._secret, given.link)
                return store.begin_by_link(db, username, given.link, expires_at)
            return store.begin_by_key(db, (given.key or "").strip())

        try:
            token = await services.database.write(begin)
        except Problem:
            await services.authenticator.slow_down(request)
            raise
        response = self._answer(await services.authenticator.session_user(token), token)
        services.sessions.set_cookie(response, token, base_url(request, services.config))
        return response

    async def end(self, request: Request) -> Response:
        """`DELETE`: sign out."""
        services = self._services
        token = services.sessions.token(request)
        response = self._answer(None, None)
        if token is not None:
            services.sessions.check(request, token)
            await services.database.write(lambda db: store.end(db, token))
            services.authenticator.forget()
            services.sessions.set_cookie(response, "", base_url(request, services.config))
        return response

    def _answer(self, user: User | None, token: str | None) -> Response:
        content: dict[str, object] = {"user": None, "version": VERSION, "parquet": is_installed()}
        if user is not None and token is not None:
            names = {"username": user.username, "name": user.name, "entity": user.entity}
            content.update(user=names, csrf=self._services.sessions.csrf(token))
        response = json_response(content)
        response.headers["Cache-Control"] = "no-store"
        return response
