"""Who is calling."""

from __future__ import annotations

import base64
import binascii
import time
from typing import TYPE_CHECKING

from .limits import RequestLimit, WrongKeys
from .problems import Problem
from .storage.accounts import User, find_user_by_key
from .storage.sessions import find_user_by_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection
    from starlette.requests import Request

    from .sessions import Sessions
    from .storage.database import Database

__all__ = ["Authenticator"]

_CACHE_SECONDS = 5.0
_CACHE_SIZE = 1000


class Authenticator:
    """Finds the user of a request by its key, sent as HTTP Basic (user `api`) or Bearer.

    A request without one may have the cookie of a session of the page. Answers are kept for a few
    seconds; a removed key stops working after at most that long.

    Args:
        database: Has users, keys and sessions.
        sessions: Knows the cookie.
        limit: Counts the requests of each user.
    """

    def __init__(self, database: Database, sessions: Sessions, limit: RequestLimit) -> None:
        self._database = database
        self._limit, self._wrong_keys = limit, WrongKeys()
        self._sessions = sessions
        self._known: dict[tuple[str, str], tuple[float, User]] = {}

    async def user(self, request: Request) -> User:
        """The user of a request.

        Raises:
            Problem: No key, or an unknown one (401); a change by the page without its token (403);
                too many requests (429).
        """
        user = await self._known_user(request)
        self._limit.take(request, user.id)
        return user

    async def _known_user(self, request: Request) -> User:
        header = request.headers.get("authorization")
        key = _key(header)
        if key is not None:
            user = await self._cached("key", key, lambda db: find_user_by_key(db, key))
            if user is None:
                await self.slow_down(request)
                raise Problem(401, "invalid API key for this server")
            return user
        token = None if header else self._sessions.token(request)
        if token is None:
            raise Problem(401, "no API key: send it as HTTP Basic, user `api`, password the key")
        user = await self.session_user(token)
        if user is None:
            raise Problem(401, "the session has ended: sign in again")
        self._sessions.check(request, token)
        return user

    async def slow_down(self, request: Request) -> None:
        """Wait before the answer to a wrong key, where an address sends many of them."""
        await self._wrong_keys.slow_down(request)

    async def session_user(self, token: str) -> User | None:
        """Who is signed in to the page with a token."""
        return await self._cached("session", token, lambda db: find_user_by_session(db, token))

    async def _cached(
        self, kind: str, secret: str, find: Callable[[Connection], User | None]
    ) -> User | None:
        now = time.monotonic()
        cached = self._known.get((kind, secret))
        if cached is not None and cached[0] > now:
            return cached[1]
        user = await self._database.read(find)
        if user is None:
            self._known.pop((kind, secret), None)
            return None
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[kind, secret] = (now + _CACHE_SECONDS, user)
        return user

    def forget(self) -> None:
        """Drop what is kept, after a change to users, keys or sessions."""
        self._known.clear()


def _key(header: str | None) -> str | None:
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text.partition(":")[2] or None
