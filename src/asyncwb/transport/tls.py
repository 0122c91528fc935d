"""TLS contexts: costly to build (25 to 170 ms), so built once, in a thread."""

from __future__ import annotations

import os
import ssl

import certifi

from asyncwb.errors import InvalidValueError

__all__ = ["cleartext_context", "verified_context"]


def verified_context(ca_file: str | None, insecure: bool) -> ssl.SSLContext:
    """Build the context for https; blocks, call it in a thread.

    Trusted are the system's authorities and certifi's; where `SSL_CERT_FILE` or `SSL_CERT_DIR`
    is set, those instead; and `ca_file` besides.

    Raises:
        InvalidValueError: `ca_file` or `SSL_CERT_FILE` cannot be read or holds no certificate.
    """
    context = ssl.create_default_context()
    named = os.environ.get("SSL_CERT_FILE")
    if named:
        _load(context, named, "SSL_CERT_FILE")
    elif not os.environ.get("SSL_CERT_DIR"):
        # Minimal containers have no system store at all.
        context.load_verify_locations(certifi.where())
    if ca_file is not None:
        _load(context, os.path.expanduser(ca_file), "the setting ca_file")
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def cleartext_context() -> ssl.SSLContext:
    """An empty context for clients that only speak http: httpx would build a full one."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _load(context: ssl.SSLContext, path: str, source: str) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError) as exc:
        raise InvalidValueError(
            f"{source} names {path}, which holds no readable PEM certificates: {exc}", exc=exc
        ) from exc
