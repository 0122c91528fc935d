"""Sessions of the page: begun with a key or a link, found by their cookie, ended."""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from asyncwb.server.problems import Problem

from .accounts import User, find_user, find_user_by_key, key_row_id, user_query
from .rows import insert_row
from .session_tables import page_sessions, spent_links
from .tables import users

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["begin_by_key", "begin_by_link", "end", "find_user_by_session"]

SESSION_SECONDS = 30 * 24 * 3600.0
"""How long somebody stays signed in."""


def begin_by_key(connection: Connection, key: str) -> str:
    """Begin a session with an API key; returns its token, of which only a digest is kept.

    Raises:
        Problem: An unknown key (401).
    """
    user = find_user_by_key(connection, key)
    if user is None:
        raise Problem(401, "this server does not know that API key")
    return _begin(connection, user, key_row_id(connection, key))


def begin_by_link(connection: Connection, username: str, link: str, expires_at: float) -> str:
    """Begin a session with a sign-in link whose signature was checked; it works once.

    Raises:
        Problem: The link was used before, or its user is gone (401).
    """
    connection.execute(delete(spent_links).where(spent_links.c.expires_at < time.time()))
    digest = _digest(link)
    used = select(spent_links.c.digest).where(spent_links.c.digest == digest)
    if connection.execute(used).first() is not None:
        raise Problem(401, "this sign-in link was used already: ask for a new one")
    user = find_user(connection, username=username)
    if user is None:
        raise Problem(401, "the user of this sign-in link is gone")
    connection.execute(spent_links.insert().values(digest=digest, expires_at=expires_at))
    return _begin(connection, user, None)


def _begin(connection: Connection, user: User, key_id: int | None) -> str:
    now = time.time()
    connection.execute(delete(page_sessions).where(page_sessions.c.expires_at < now))
    token = secrets.token_urlsafe(32)
    insert_row(
        connection,
        page_sessions,
        user_id=user.id,
        key_id=key_id,
        digest=_digest(token),
        expires_at=now + SESSION_SECONDS,
    )
    return token


def find_user_by_session(connection: Connection, token: str) -> User | None:
    """Who is signed in with a token."""
    query = (
        user_query()
        .join(page_sessions, page_sessions.c.user_id == users.c.id)
        .where(page_sessions.c.digest == _digest(token), page_sessions.c.expires_at > time.time())
    )
    row = connection.execute(query).first()
    return User(*row) if row else None


def end(connection: Connection, token: str) -> None:
    """Sign out."""
    connection.execute(delete(page_sessions).where(page_sessions.c.digest == _digest(token)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
