"""What the server's secret makes: URLs to one file for a while, keys of service accounts."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Literal
from urllib.parse import quote

from .problems import forbidden

__all__ = ["Action", "Signer"]

Action = Literal[
    "get", "put", "artifact-get", "artifact-put", "part-put", "manifest-get", "manifest-put"
]


class Signer:
    """Makes and checks signed URLs, and makes keys.

    Args:
        secret: The server's signing secret.
        valid_seconds: How long a URL works.
    """

    def __init__(self, secret: bytes, valid_seconds: float) -> None:
        self._secret = secret
        self._valid_seconds = valid_seconds

    def url(self, base: str, action: Action, file_id: int, name: str) -> str:
        """An absolute URL to read or write a file. The name in it is for people."""
        expires = int(time.time() + self._valid_seconds)
        signature = self._sign(action, file_id, expires)
        path = f"/storage/{action}/{file_id}/{quote(name, safe='/')}"
        return f"{base}{path}?expires={expires}&signature={signature}"

    def check(self, action: Action, file_id: int, expires: str, signature: str) -> None:
        """Accept a URL's parameters.

        Raises:
            Problem: The signature is wrong or has expired (403).
        """
        number = len(expires) <= 15 and expires.isascii() and expires.isdigit()
        moment = int(expires) if number else 0
        right = self._sign(action, file_id, moment)
        if not hmac.compare_digest(right.encode(), signature.encode()):
            raise forbidden("the URL's signature is wrong")
        if moment < time.time():
            raise forbidden("the URL has expired")

    def service_key(self, user_id: int) -> str:
        """The key of a service account: the same each time, 40 hexadecimal digits."""
        message = f"key of the service account {user_id}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:40]

    def _sign(self, action: Action, file_id: int, expires: int) -> str:
        message = f"{action}\n{file_id}\n{expires}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
