"""Sign-in links: for whoever can read the data folder's secret, without a password.

Their token stands in the fragment of an address, which browsers send to no server, so that no
log of a proxy has it. It is valid for some minutes, and once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time

from .problems import Problem

__all__ = ["LINK_MINUTES", "make_link", "read_link"]

LINK_MINUTES = 15
"""How long a link is valid."""


def make_link(base: str, secret: bytes, username: str) -> str:
    """The address that signs a user in.

    Args:
        base: Address of the server.
        secret: The server's signing secret.
        username: Who is signed in.
    """
    expires = int(time.time()) + LINK_MINUTES * 60
    body = f"{expires}.{secrets.token_urlsafe(16)}.{username}"
    return f"{base.rstrip('/')}/#sign-in={_sign(secret, body)}.{body}"


def read_link(secret: bytes, token: str) -> tuple[str, float]:
    """The user name in a token, and the moment at which it expires.

    Raises:
        Problem: The token is not one of ours, or has expired (401).
    """
    signature, _, body = token.partition(".")
    if not hmac.compare_digest(_sign(secret, body).encode(), signature.encode()):
        raise Problem(401, "this sign-in link is not one of this server's")
    expires, _, rest = body.partition(".")
    if int(expires) < time.time():
        raise Problem(401, "this sign-in link has expired: ask for a new one")
    return rest.partition(".")[2], float(expires)


def _sign(secret: bytes, body: str) -> str:
    return hmac.new(secret, b"sign-in\n" + body.encode(), hashlib.sha256).hexdigest()
