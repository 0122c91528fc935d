"""The cookie of a session of the page, and the token that its changes carry.

The cookie is HttpOnly and SameSite=Strict. A change needs, beside it, a token that only scripts
of the page can read (CSRF).
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .problems import forbidden
from .storage.sessions import SESSION_SECONDS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["CSRF_HEADER", "Sessions"]

CSRF_HEADER = "x-csrf-token"
"""The header with the token of changes."""

_READING = ("GET", "HEAD")


class Sessions:
    """Cookies and tokens of one server.

    Args:
        secret: The server's signing secret.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        # Browsers send cookies to every port of a host: each server has a name of its own, or two
        # behind two SSH tunnels would sign each other out.
        self._cookie = f"asyncwb_{self._sign('cookie')[:8]}"

    def token(self, request: Request) -> str | None:
        """The session token of a request."""
        return request.cookies.get(self._cookie)

    def csrf(self, token: str) -> str:
        """What changes of a session carry."""
        return self._sign(f"csrf\n{token}")

    def check(self, request: Request, token: str) -> None:
        """Accept a request that a cookie authenticates.

        Raises:
            Problem: It could change something and lacks the token of the page (403).
        """
        if request.method in _READING:
            return
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(self.csrf(token).encode(), given.encode()):
            raise forbidden(f"a request with a cookie needs the page's token in {CSRF_HEADER}")

    def set_cookie(self, response: Response, token: str, base: str) -> None:
        """Let the browser keep a token for the server at `base`; an empty one ends it."""
        parts = urlsplit(base)
        response.set_cookie(
            self._cookie,
            token,
            max_age=int(SESSION_SECONDS) if token else 0,
            path=parts.path or "/",
            secure=parts.scheme == "https",
            httponly=True,
            samesite="strict",
        )

    def _sign(self, message: str) -> str:
        return hmac.new(self._secret, message.encode(), hashlib.sha256).hexdigest()
