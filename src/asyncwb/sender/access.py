"""Settings -> where requests go and with which key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asyncwb.credentials import require_key
from asyncwb.transport import Auth, TransportConfig
from asyncwb.version import VERSION

if TYPE_CHECKING:
    from asyncwb.settings import Settings

__all__ = ["transport_config"]


def transport_config(settings: Settings) -> TransportConfig:
    """Make the transport's configuration; reads netrc at most, asks no network.

    Raises:
        AuthenticationError: There is no key, or it cannot be one; says where keys come from.
    """
    credential = require_key(settings)
    return TransportConfig(
        base_url=settings.base_url,
        auth=Auth.basic(credential.key),
        http2=settings.http2,
        ca_file=settings.ca_file,
        insecure=settings.insecure,
        extra_headers=settings.extra_http_headers,
        user_agent=f"asyncwb/{VERSION}",
        auth_hint=(
            f"The key came from {credential.source}. Keys come from, in this order: the api_key "
            "setting, WANDB_API_KEY, a settings file, and netrc (`asyncwb login` writes it)."
        ),
    )
