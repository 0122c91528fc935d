"""Who is calling."""

from __future__ import annotations

import base64
import binascii
import time
from typing import TYPE_CHECKING

from .problems import Problem
from .storage.accounts import User, find_user_by_key

if TYPE_CHECKING:
    from starlette.requests import Request

    from .storage.database import Database

__all__ = ["Authenticator"]

_CACHE_SECONDS = 5.0
_CACHE_SIZE = 1000


class Authenticator:
    """Finds the user of a request by its key, sent as HTTP Basic (user `api`) or Bearer.

    Answers are kept for a few seconds; a removed key stops working after at most that long.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, User]] = {}

    async def user(self, request: Request) -> User:
        """The user of a request.

        Raises:
            Problem: No key, or an unknown one (401).
        """
        key = _key(request.headers.get("authorization"))
        if key is None:
            raise Problem(401, "no API key: send it as HTTP Basic, user `api`, password the key")
        now = time.monotonic()
        cached = self._known.get(key)
        if cached is not None and cached[0] > now:
            return cached[1]
        user = await self._database.read(lambda connection: find_user_by_key(connection, key))
        if user is None:
            self._known.pop(key, None)
            raise Problem(401, "invalid API key for this server")
        if len(self._known) >= _CACHE_SIZE:
            self._known.clear()
        self._known[key] = (now + _CACHE_SECONDS, user)
        return user

    def forget(self) -> None:
        """Drop what is kept, after a change to users or keys."""
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
