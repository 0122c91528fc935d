"""Failed attempts -> the errors of asyncwb, with messages that help and hold no secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import msgspec

from asyncwb.errors import (
    AuthenticationError,
    CommError,
    DeadlineError,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from asyncwb.transport.retry import server_wait

if TYPE_CHECKING:
    from asyncwb.transport.config import TransportConfig
    from asyncwb.transport.messages import Outgoing, Response

__all__ = ["describe_exception", "exception_error", "server_message", "status_error"]

_QUOTE_LIMIT = 300


class _ErrorBody(msgspec.Struct):
    """The places where servers put what went wrong."""

    errors: object = None
    error: object = None
    message: object = None
    detail: object = None


def server_message(response: Response) -> str:
    """What the server said, "" if nothing fit for people: never HTML, at most 300 characters."""
    body = response.body.strip()
    if body[:1] in (b"{", b"["):
        return _shorten(_json_message(body))
    kind = response.headers.get("content-type", "")
    if not body or body[:1] == b"<" or "html" in kind or "xml" in kind:
        return ""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return ""
    return text if len(text) <= _QUOTE_LIMIT and text.isprintable() else ""


def status_error(
    config: TransportConfig, outgoing: Outgoing, response: Response, *, attempts: int
) -> CommError:
    """The error for an answer that is not 2xx."""
    said = config.scrub(server_message(response))
    status = response.status
    what = f"{outgoing.label} answered {status}" + (f": {said}" if said else "")
    if attempts > 1:
        what += f" (after {attempts} attempts)"
    if status in (401, 403):
        hint = f" {config.auth_hint}" if config.auth_hint else ""
        lead = "no API key was sent" if config.auth is None else "check the API key"
        if status == 403:
            lead = "the account may lack access, or the API key is wrong"
        return AuthenticationError(f"{what}; {lead}.{hint}", response=response)
    if status == 429:
        wait = server_wait(response.headers)
        asked = "" if wait is None else f"; it asks to wait {wait:g} s"
        return RateLimitError(what + asked, response=response, retry_after=wait)
    if status >= 500:
        return ServerError(what, response=response)
    if 300 <= status < 400:
        target = response.headers.get("location", "")
        host = urlsplit(target).hostname
        where = f" to {host}" if host else ""
        return CommError(
            f"{what}: it redirects{where}, which is followed for downloads only; check base_url",
            response=response,
        )
    return CommError(what, response=response)


def exception_error(
    outgoing: Outgoing,
    exc: BaseException,
    *,
    attempts: int,
    seconds: float,
    response: Response | None,
) -> CommError:
    """The error for an attempt that got no whole answer."""
    # Imported here: whoever maps an exception of httpx has loaded it.
    import httpx

    from asyncwb.transport.guard import AttemptTimeoutError

    tries = f" after {attempts} attempts in {seconds:.0f} s" if attempts > 1 else ""
    reason = describe_exception(exc)
    where = urlsplit(outgoing.url).netloc.rpartition("@")[2]
    hint = (
        "check the address, the network and the proxy settings (HTTPS_PROXY, NO_PROXY), "
        "or work in offline mode"
    )
    if isinstance(exc, (AttemptTimeoutError, httpx.TimeoutException)):
        return DeadlineError(
            f"no answer from {where} in time{tries}: {reason}; {hint}", exc=exc, response=response
        )
    if isinstance(exc, httpx.UnsupportedProtocol | httpx.DecodingError):
        return ProtocolError(f"{outgoing.label}: {reason}", exc=exc, response=response)
    return CommError(f"cannot reach {where}{tries}: {reason}; {hint}", exc=exc, response=response)


def describe_exception(exc: BaseException) -> str:
    """A short reason for people, from the innermost cause that has a text."""
    import httpx

    text = str(exc).strip()
    cause: BaseException | None = exc
    while not text and cause is not None:
        cause = cause.__cause__ or cause.__context__
        text = str(cause).strip() if cause is not None else ""
    if isinstance(exc, httpx.ConnectTimeout):
        return "no connection within 10 s"
    if isinstance(exc, httpx.ConnectError):
        return f"no connection ({text})" if text else "no connection"
    if isinstance(exc, httpx.ProxyError):
        return f"the proxy refused ({text})"
    if isinstance(exc, (httpx.ReadTimeout, httpx.WriteTimeout)):
        return text or "the connection fell silent"
    if isinstance(exc, httpx.TransportError):
        return f"the connection was lost ({text or type(exc).__name__})"
    return text or type(exc).__name__


def _json_message(body: bytes) -> str:
    try:
        answer = msgspec.json.decode(body, type=_ErrorBody)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    listed = answer.errors
    said = [answer.error, answer.message, answer.detail]
    if isinstance(listed, list):
        errors = cast("list[object]", listed)
        said[:0] = [
            cast("dict[str, object]", error).get("message") if isinstance(error, dict) else error
            for error in errors
        ]
    return next((text for text in said if isinstance(text, str) and text), "")


def _shorten(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _QUOTE_LIMIT else text[: _QUOTE_LIMIT - 3] + "..."
