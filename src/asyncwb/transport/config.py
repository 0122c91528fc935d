"""Where a Transport goes and with which credentials."""

from __future__ import annotations

import base64
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

import msgspec

from asyncwb.errors import InvalidValueError

__all__ = ["Auth", "Http2Mode", "Origin", "TransportConfig", "origin_of"]

Http2Mode: TypeAlias = Literal["auto", "h2c", "off"]

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port: what credentials belong to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port == _DEFAULT_PORTS[self.scheme]:
            return f"{self.scheme}://{host}"
        return f"{self.scheme}://{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """Split the origin off an absolute http(s) URL.

    Raises:
        InvalidValueError: The URL is not absolute, or not http(s).
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise InvalidValueError("a URL is not well formed", exc=exc) from exc
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        # The URL itself may be signed: name only what cannot be secret.
        raise InvalidValueError(
            f"a URL must start with http:// or https:// and name a host, not {parts.scheme!r}"
        )
    return Origin(
        parts.scheme, parts.hostname, _DEFAULT_PORTS[parts.scheme] if port is None else port
    )


class Auth(msgspec.Struct, frozen=True):
    """Credentials of one account; `repr` hides them."""

    scheme: Literal["Basic", "Bearer"]
    secret: str

    @classmethod
    def basic(cls, key: str, *, user: str = "api") -> Auth:
        """HTTP Basic with an API key as the password."""
        return cls("Basic", f"{user}:{key}")

    @classmethod
    def bearer(cls, token: str) -> Auth:
        """An access token."""
        return cls("Bearer", token)

    def header(self) -> str:
        """Value of the `Authorization` header."""
        if self.scheme == "Bearer":
            return f"Bearer {self.secret}"
        return "Basic " + base64.b64encode(self.secret.encode()).decode("ascii")

    def scrub(self, text: str) -> str:
        """Cut the credentials out of a text that a server wrote."""
        key = self.secret.partition(":")[2] if self.scheme == "Basic" else self.secret
        for secret in (self.header().partition(" ")[2], key):
            if secret:
                text = text.replace(secret, "***")
        return text

    def __repr__(self) -> str:
        return f"Auth({self.scheme}, ***)"


class TransportConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What a `Transport` needs to know; hashable, and `repr` shows no secret.

    Attributes:
        base_url: Root of the server, for example `https://api.wandb.ai`; a trailing slash and
            user information are dropped.
        auth: Credentials, sent to URLs under `base_url` and nowhere else.
        http2: "auto": HTTP/2 where an https server offers it by ALPN, HTTP/1.1 else. "h2c":
            HTTP/2 by prior knowledge on a cleartext server. "off": HTTP/1.1.
        ca_file: PEM file of certificate authorities, trusted besides the usual ones.
        insecure: Accept any certificate. For tests and emergencies.
        extra_headers: Sent with the credentials: they may hold the secret of a gateway.
        user_agent: Value of `User-Agent`, sent everywhere.
        auth_hint: Sentence added to every `AuthenticationError`: where keys come from.
    """

    base_url: str
    auth: Auth | None = None
    http2: Http2Mode = "auto"
    ca_file: str | None = None
    insecure: bool = False
    extra_headers: tuple[tuple[str, str], ...] = ()
    user_agent: str = "asyncwb"
    auth_hint: str = ""

    @property
    def origin(self) -> Origin:
        """Scheme, host and port of `base_url`."""
        return origin_of(self.base_url)

    @property
    def root(self) -> str:
        """`base_url` without user information and trailing slash."""
        return str(self.origin) + urlsplit(self.base_url).path.rstrip("/")

    def owns(self, url: str) -> bool:
        """Whether a URL lies under `base_url`, so that credentials may go there."""
        if origin_of(url) != self.origin:
            return False
        path, base = urlsplit(url).path, urlsplit(self.base_url).path.rstrip("/")
        if not base:
            return True
        climbs = ".." in unquote(path).replace("\\", "/").split("/")
        return not climbs and (path == base or path.startswith(base + "/"))

    def private_headers(self) -> dict[str, str]:
        """Headers for URLs under `base_url` only."""
        headers = dict(self.extra_headers)
        if self.auth is not None:
            headers["Authorization"] = self.auth.header()
        return headers

    def scrub(self, text: str) -> str:
        """Cut credentials out of a text that a server wrote."""
        for _, value in self.extra_headers:
            if len(value) >= 8:
                text = text.replace(value, "***")
        return text if self.auth is None else self.auth.scrub(text)

    def __repr__(self) -> str:
        names = tuple(name for name, _ in self.extra_headers)
        return (
            f"TransportConfig({self.root!r}, auth={self.auth!r}, http2={self.http2!r}, "
            f"ca_file={self.ca_file!r}, insecure={self.insecure}, extra_headers={names!r})"
        )
